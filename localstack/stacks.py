"""The four templates as LocalStack takes them: their order, and what each is told."""

from pathlib import Path

# Where they lie, unless others are named.
INFRA = Path(__file__).resolve().parent.parent / "infra"

# In the order in which each finds the outputs that it needs.
ORDER = ["network", "forebay", "fleet", "alarms"]

# What LocalStack must offer for all of them: run.py --services.
SERVICES = "sqs,s3,sts,iam,cloudformation,cloudwatch,sns,logs,ec2,autoscaling"

Outputs = dict[str, str]


def stack_name(part: str, prefix: str) -> str:
    """That of queues and bucket has the prefix's name alone."""
    return prefix if part == "forebay" else f"{prefix}-{part}"


def parameters(part: str, prefix: str, outputs: dict[str, Outputs]) -> dict[str, str]:
    """What the part is told, from the outputs of those before it."""
    told = {"Prefix": prefix}
    match part:
        case "network":
            # LocalStack makes no elastic addresses, which the gateway stands on.
            told |= {"NatGateway": "no"}
        case "fleet":
            network, forebay = outputs["network"], outputs["forebay"]
            told |= {"SubnetIds": network["SubnetIds"], "SecurityGroupId": network["WorkerSecurityGroupId"]}
            told |= {name: forebay[name] for name in ("BucketName", "WorkerPolicyArn")}
            # LocalStack's own has no TLS, and this one is never asked.
            told |= {"QueueUrlPrefix": f"https://sqs.us-east-1.amazonaws.com/000000000000/{prefix}"}
            told |= {"ImageId": "ami-0123456789abcdef0"}
        case "alarms":
            told |= {"BucketName": outputs["forebay"]["BucketName"], "HasReaper": "yes"}
    return told
