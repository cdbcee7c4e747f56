"""What the web process puts around every request: who may ask how often, what a page may load, how it refuses."""
