"""The web page: accounts, uploads, results and history in a browser. It holds no algorithm of its own.

Importing this package loads nothing. Its modules need the extra ``einthoven[web]``.
"""
