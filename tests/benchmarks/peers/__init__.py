"""The work of this project on the libraries that people would pick instead, a module each."""

import django

django.setup()  # their commands do not, and the jobs need the models
