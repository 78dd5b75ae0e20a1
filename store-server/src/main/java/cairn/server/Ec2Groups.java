package cairn.server;

import cairn.server.account.Regions;
import cairn.server.ec2.Descriptions;
import cairn.server.ec2.Ec2Door;
import cairn.server.ec2.FastRestoreOperations;
import cairn.server.ec2.ImageAttributeOperations;
import cairn.server.ec2.ImageLifecycleOperations;
import cairn.server.ec2.ImageListing;
import cairn.server.ec2.ImageOperations;
import cairn.server.ec2.ImageReferences;
import cairn.server.ec2.InstanceImageOperations;
import cairn.server.ec2.InstanceOperations;
import cairn.server.ec2.Operations;
import cairn.server.ec2.Pages;
import cairn.server.ec2.RegionOperations;
import cairn.server.ec2.SnapshotBinOperations;
import cairn.server.ec2.SnapshotDefaultOperations;
import cairn.server.ec2.SnapshotLockOperations;
import cairn.server.ec2.SnapshotOperations;
import cairn.server.ec2.SnapshotTierOperations;
import cairn.server.ec2.TagOperations;
import cairn.server.ec2.VolumeOperations;
import cairn.server.image.ImageLifecycle;
import cairn.server.image.TaggedImages;
import cairn.server.image.TaggedResources;
import cairn.server.image.TaggedSnapshots;
import java.util.List;

/** The groups of operations that EC2's door answers, each with the parts of the store that it needs. */
record Ec2Groups(Store store, Regions regions, Pages pages, InstanceOperations.VolumeUris uris) {
    Ec2Door door() {
        Operations all = new Operations(Descriptions.read());
        new RegionOperations(regions).addTo(all);
        new TagOperations(store.storage.catalog(), tagged(), pages).addTo(all);
        addSnapshots(all);
        addImages(all);
        addInstances(all);
        return new Ec2Door(all);
    }

    /** Everything that has tags: one for each kind of resource. */
    private List<TaggedResources> tagged() {
        return List.of(
                new TaggedImages(store.images.tagged(), store.volumeSnapshots),
                new TaggedSnapshots(store.snapshots, store.completed.tagged(), store.pending),
                store.volumes.tagged(),
                store.instanceRegistry.tagged());
    }

    private void addSnapshots(Operations all) {
        new SnapshotOperations(
                        store.snapshots,
                        store.completed,
                        store.volumes,
                        store.volumeSnapshots,
                        store.accountSettings,
                        store.encryption,
                        pages,
                        store.clock)
                .addTo(all);
        new SnapshotLockOperations(store.snapshots, store.completed, pages, store.clock).addTo(all);
        new SnapshotTierOperations(store.snapshots, store.completed, store.images, pages, store.clock).addTo(all);
        new SnapshotBinOperations(store.completed, pages).addTo(all);
        new SnapshotDefaultOperations(store.accountSettings, store.encryption).addTo(all);
        new FastRestoreOperations(store.snapshots, store.completed, store.fastRestores, pages, store.clock).addTo(all);
        new VolumeOperations(
                        store.volumes,
                        store.snapshots,
                        store.completed,
                        store.instanceRegistry,
                        store.instances,
                        store.encryption,
                        store.clientTokens,
                        pages)
                .addTo(all);
    }

    private void addImages(Operations all) {
        new ImageOperations(
                        store.images,
                        store.volumeSnapshots,
                        store.copies,
                        store.completed,
                        store.snapshots,
                        store.encryption,
                        store.clientTokens,
                        store.clock)
                .addTo(all);
        new ImageListing(store.images, store.volumeSnapshots, pages, store.clock).addTo(all);
        new ImageAttributeOperations(store.images, store.volumeSnapshots).addTo(all);
        new ImageLifecycleOperations(
                        store.images,
                        store.volumeSnapshots,
                        new ImageLifecycle(store.images, store.clock),
                        store.accountSettings,
                        pages)
                .addTo(all);
        new ImageReferences(store.images, store.volumeSnapshots, store.instanceRegistry, pages).addTo(all);
    }

    private void addInstances(Operations all) {
        new InstanceOperations(
                        store.instanceRegistry,
                        store.instances,
                        store.images,
                        store.volumeSnapshots,
                        store.volumes,
                        store.clientTokens,
                        store.encryption,
                        pages,
                        uris)
                .addTo(all);
        new InstanceImageOperations(store.instanceRegistry, store.images, store.volumes, store.volumeSnapshots)
                .addTo(all);
    }
}
