"""Who may see and do what in the admin: an account has one role in each project it belongs to. A superuser operates the
installation, and needs none; everybody else sees the rows of the own projects alone."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from .models import Membership, Role

RANK = {role: rank for rank, role in enumerate((Role.VIEWER, Role.REVIEWER, Role.DESIGNER, Role.OWNER))}
Account = AbstractBaseUser | AnonymousUser


def projects_of(account: Account, least: Role = Role.VIEWER) -> set[int]:
    """Ids of the projects in which the account has at least this role. A superuser is not asked."""
    return {project for project, role in _roles(account).items() if RANK[role] >= RANK[least]}


def may(account: Account, least: Role | None, project: int | None = None) -> bool:
    """Whether the account has at least this role in the project, or, with none named, in any. `least` None: superusers only."""
    if not account.is_active or account.is_superuser:
        return account.is_active
    if least is None:
        return False
    allowed = projects_of(account, least)
    return project in allowed if project is not None else bool(allowed)


def _roles(account: Account) -> dict[int, Role]:
    """By project. Asked once for an account as a request knows it."""
    if not hasattr(account, "_roles"):
        rows = Membership.objects.filter(account=account.pk).values_list("project", "role")
        account._roles = {project: Role(role) for project, role in rows}
    return account._roles
