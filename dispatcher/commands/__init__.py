"""One module per command of the image, each with `main(arguments, environ) -> exit code`.

Only the command that runs is imported, so that `health` does not pay for the broker's SDK.
"""
