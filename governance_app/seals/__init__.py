"""What a signature is bound to, the instance's seal over it, and whether both still hold."""
