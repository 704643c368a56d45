// Times as the program prints them: 1:02.5, 1:02:03.0.

export function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const part = (n) => String(Math.trunc(n)).padStart(2, "0");
  const rest = `${part((tenths % 600) / 10)}.${tenths % 10}`;
  const minutes = Math.trunc(tenths / 600);
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.trunc(minutes / 60)}:${part(minutes % 60)}:${rest}`;
}
