"""Tests of the study help that needs no language model."""
