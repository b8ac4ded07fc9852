"""What a commit says of data, code, parameters and metrics, proved from Git alone: the rules of ``weft validate``."""
