"""Where tasks run: a small network of our own, or one that is there already. Nothing is looked up."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from contract import place
from infra.acknowledged import acknowledge

PUBLIC = "public"
ISOLATED = "isolated"


class Network(Construct):
    """A network, the subnets tasks run in, and the security group they run under: nothing comes in, all goes out."""

    def __init__(self, scope: Construct, id_: str, *, declared: place.Network, keeps_database: bool) -> None:
        super().__init__(scope, id_)
        self.public_ip = declared.public_ip
        self.vpc = (
            self._own(declared.cidr, declared, keeps_database=keeps_database)
            if declared.cidr
            else self._existing(declared)
        )
        self.subnets = self._chosen(declared)
        self.tasks = ec2.SecurityGroup(
            self, "Tasks", vpc=self.vpc, description="Tasks: nothing comes in, all goes out", allow_all_outbound=True
        )

    def _own(self, cidr: str, declared: place.Network, *, keeps_database: bool) -> ec2.Vpc:
        subnets = [ec2.SubnetConfiguration(name=PUBLIC, subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24)]
        if keeps_database:
            subnets.append(
                ec2.SubnetConfiguration(name=ISOLATED, subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26)
            )
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            availability_zones=list(declared.availability_zones),
            nat_gateways=0,
            subnet_configuration=subnets,
            # Emptying the default group takes a Lambda function of the library's. Nothing of ours uses that group.
            restrict_default_security_group=False,
        )
        acknowledge(vpc, "VPC7", "Nothing can connect to a task, and every request a task makes is in its own log")
        return vpc

    def _existing(self, declared: place.Network) -> ec2.IVpc:
        zones, subnets = list(declared.availability_zones), list(declared.subnets)
        if declared.vpc is None:
            raise AssertionError("a network without cidr has a vpc; the inventory vouches for it")
        return ec2.Vpc.from_vpc_attributes(
            self, "Vpc", vpc_id=declared.vpc, availability_zones=zones, private_subnet_ids=subnets
        )

    def _chosen(self, declared: place.Network) -> ec2.SubnetSelection:
        kind = ec2.SubnetType.PUBLIC if declared.cidr else ec2.SubnetType.PRIVATE_WITH_EGRESS
        return ec2.SubnetSelection(subnets=self.vpc.select_subnets(subnet_type=kind).subnets)
