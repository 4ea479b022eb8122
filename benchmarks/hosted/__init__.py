"""The applications that the suite `hosts` has served, by plait and by its peers alike.

They import nothing of plait's, and of the frameworks only what they show, so that the memory of
a server is its own.
"""
