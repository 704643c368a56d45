from slta.cli import main

main()
