"""A proof, before any training, that the subnets of a network compute what they should."""

from supernet.proof.known import proof_of
from supernet.proof.proving import Proof, prove

__all__ = ["Proof", "proof_of", "prove"]
