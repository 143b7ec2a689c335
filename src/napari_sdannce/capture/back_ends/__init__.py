"""Kinds of cameras, one module each; none imports its SDK before it is asked for."""
