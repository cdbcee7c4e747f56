"""REST: a user's token, given for a password, until it is revoked."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class CredentialsSerializer(AuthTokenSerializer):
    username = serializers.CharField(write_only=True, max_length=User._meta.get_field("username").max_length)
    token = serializers.CharField(read_only=True)


class TokenView(APIView):
    parser_classes = (JSONParser, FormParser)

    def get_permissions(self) -> list[Any]:
        return [AllowAny() if self.request.method == "POST" else IsAuthenticated()]

    @extend_schema(request=CredentialsSerializer, responses=CredentialsSerializer)
    def post(self, request: Request) -> Response:
        """The token of a user, for their name and password: the same one each time, until it is revoked."""
        # Django's own request: the lock-out notes on it what its middleware is to answer.
        serializer = CredentialsSerializer(data=request.data, context={"request": request._request})
        serializer.is_valid(raise_exception=True)
        user = serializer.validated_data["user"]
        user_logged_in.send(user.__class__, request=request._request, user=user)
        return Response({"token": Token.objects.get_or_create(user=user)[0].key})

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke one's own token. The next password gets another."""
        Token.objects.filter(user=request.user.pk).delete()
        return Response(status=204)
