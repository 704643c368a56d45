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

export const range = (start_s, end_s) => `${clock(start_s)}–${clock(end_s)}`;

// A length of time in words: 40 seconds, 3 minutes, 2.5 hours.
export function lasting(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
