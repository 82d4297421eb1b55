"""The four templates as LocalStack takes them: their order, what each is told, and what is written out for it."""

import re
from pathlib import Path

INFRA = Path(__file__).resolve().parent.parent / "infra"

# The lanes of infra/forebay.yaml.
LANES = ["paid-light", "paid-heavy", "free-light", "free-heavy"]

# In the order in which each finds the outputs that it needs.
ORDER = ["network", "forebay", "fleet", "alarms"]

# What LocalStack must offer for all of them: run.py --services.
SERVICES = "sqs,s3,sts,iam,cloudformation,cloudwatch,sns,logs,ec2,autoscaling"

Outputs = dict[str, str]


def stack_name(part: str, prefix: str) -> str:
    """That of queues and bucket has the prefix's name alone."""
    return prefix if part == "forebay" else f"{prefix}-{part}"


def template(part: str) -> str:
    text = (INFRA / f"{part}.yaml").read_text()
    return written_out(text) if part == "alarms" else text


def written_out(text: str) -> str:
    """Fn::ForEach over the lanes as so many resources: LocalStack does not know &{…} in a resource's name.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
    """
    found = re.search(r"^  Fn::ForEach::Lanes:\n    - Lane\n    - !Ref Lanes\n    - ((?:.*\n)*?)(?=^  \S)", text, re.M)
    if found is None:
        raise ValueError("alarms.yaml has no Fn::ForEach::Lanes over Lane and Lanes")
    body = re.sub(r"^      ", "  ", "      " + found[1], flags=re.M)
    lanes = [body.replace("&{Lane}", re.sub(r"\W", "", lane)).replace("${Lane}", lane) for lane in LANES]
    text = text[: found.start()] + "".join(lanes) + text[found.end() :]
    return text.replace("Transform: AWS::LanguageExtensions\n", "")


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
