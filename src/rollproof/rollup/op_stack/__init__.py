"""The OP Stack's encodings, used by checks, exits and the lab alike. Pure functions: no client, no clock.

Input from outside is bounded and ends in an error of `rollproof.errors`. Quantities are ``int``, hashes and addresses
``bytes``; amounts are in wei. Sources are sections of the OP Stack specification (specs.optimism.io).
"""
