"""ARNs: how they are made and read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """To whom a request, and so every resource it touches, belongs."""

    account: str
    region: str

    @property
    def partition(self) -> str:
        """`aws-cn` in China's regions, `aws-us-gov` in the government's, else `aws`."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    def arn(self, kind: str, *path: str) -> str:
        """The ARN of the resource `kind/path…` in this account and region."""
        return f"arn:{self.partition}:personalize:{self.region}:{self.account}:{'/'.join((kind, *path))}"

    def owns(self, arn: str) -> bool:
        """Whether the ARN names this account and region."""
        return arn.startswith(f"arn:{self.partition}:personalize:{self.region}:{self.account}:")


def built_in_arn(kind: str, name: str, partition: str = "aws") -> str:
    """The ARN of a recipe, an algorithm or a feature transformation: no region, no account."""
    return f"arn:{partition}:personalize:::{kind}/{name}"


def resource_kind(arn: str) -> str:
    """The kind in an ARN, e.g. `dataset-group`; empty for a text that is not an ARN of Personalize."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or parts[2] != "personalize":
        return ""
    return parts[5].split("/", 1)[0]
