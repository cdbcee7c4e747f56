"""The same work on what people would pick instead: one module a library, which the library's own command imports."""

import django

django.setup()  # their commands do not, and the jobs need the models
