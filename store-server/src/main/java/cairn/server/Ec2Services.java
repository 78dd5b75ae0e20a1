package cairn.server;

import cairn.server.account.Regions;
import cairn.server.ec2.Descriptions;
import cairn.server.ec2.Ec2Door;
import cairn.server.ec2.Operations;
import cairn.server.ec2.Pages;
import cairn.server.ec2.RegionOperations;

/** The groups of operations that EC2's door answers, and the parts of the server that they need. */
record Ec2Services(Regions regions, Pages pages) {
    Ec2Door door() {
        Operations all = new Operations(Descriptions.read());
        new RegionOperations(regions).addTo(all);
        return new Ec2Door(all);
    }
}
