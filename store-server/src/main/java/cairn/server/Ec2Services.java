package cairn.server;

import cairn.server.account.Regions;
import cairn.server.ec2.Descriptions;
import cairn.server.ec2.Ec2Door;
import cairn.server.ec2.InstanceOperations;
import cairn.server.ec2.Operations;
import cairn.server.ec2.Pages;
import cairn.server.ec2.RegionOperations;
import cairn.server.ec2.TagOperations;
import cairn.server.image.TaggedResources;
import cairn.server.storage.Catalog;
import java.util.List;

/**
 * The groups of operations that EC2's door answers, and the parts of the server that they need.
 *
 * @param tagged everything that has tags: one for each kind of resource
 */
record Ec2Services(
        Catalog catalog,
        Regions regions,
        Pages pages,
        List<TaggedResources> tagged,
        SnapshotServices snapshots,
        InstanceOperations instances,
        ImageServices images) {
    Ec2Door door() {
        Operations all = new Operations(Descriptions.read());
        new RegionOperations(regions).addTo(all);
        new TagOperations(catalog, tagged, pages).addTo(all);
        snapshots.addTo(all, pages);
        instances.addTo(all);
        images.addTo(all, pages);
        return new Ec2Door(all);
    }
}
