"""What every REST endpoint shares."""

from rest_framework.pagination import PageNumberPagination


class Pagination(PageNumberPagination):
    """`{"count", "next", "previous", "results"}`, a hundred a page unless `page_size` says otherwise."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500
