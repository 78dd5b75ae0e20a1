package cairn.server;

import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.ClientTokens;
import cairn.server.account.Encryption;
import cairn.server.ec2.ImageAttributeOperations;
import cairn.server.ec2.ImageLifecycleOperations;
import cairn.server.ec2.ImageListing;
import cairn.server.ec2.ImageOperations;
import cairn.server.ec2.ImageReferences;
import cairn.server.ec2.InstanceImageOperations;
import cairn.server.ec2.Operations;
import cairn.server.ec2.Pages;
import cairn.server.image.AllSnapshots;
import cairn.server.image.ImageCopies;
import cairn.server.image.ImageLifecycle;
import cairn.server.image.ImageRegistry;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumeRegistry;
import cairn.server.image.VolumeSnapshots;
import cairn.server.instance.InstanceRegistry;
import java.time.Clock;

/** The parts of the server that operations on images need. */
record ImageServices(
        ImageRegistry images,
        VolumeSnapshots snapshots,
        VolumeRegistry volumes,
        ImageCopies copies,
        SnapshotRegistry completed,
        AllSnapshots allSnapshots,
        InstanceRegistry instances,
        AccountSettingsRegistry accountSettings,
        Encryption encryption,
        ClientTokens clientTokens,
        Clock clock) {

    void addTo(Operations all, Pages pages) {
        new ImageOperations(images, snapshots, copies, completed, allSnapshots, encryption, clientTokens, clock)
                .addTo(all);
        new ImageListing(images, snapshots, pages, clock).addTo(all);
        new ImageAttributeOperations(images).addTo(all);
        new ImageLifecycleOperations(images, new ImageLifecycle(images, clock), accountSettings, pages).addTo(all);
        new InstanceImageOperations(instances, images, volumes, snapshots).addTo(all);
        new ImageReferences(images, instances, pages).addTo(all);
    }
}
