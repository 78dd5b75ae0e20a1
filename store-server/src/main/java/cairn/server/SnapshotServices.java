package cairn.server;

import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.ClientTokens;
import cairn.server.account.Encryption;
import cairn.server.ec2.FastRestoreOperations;
import cairn.server.ec2.Operations;
import cairn.server.ec2.Pages;
import cairn.server.ec2.SnapshotBinOperations;
import cairn.server.ec2.SnapshotDefaultOperations;
import cairn.server.ec2.SnapshotLockOperations;
import cairn.server.ec2.SnapshotOperations;
import cairn.server.ec2.SnapshotTierOperations;
import cairn.server.ec2.VolumeOperations;
import cairn.server.image.AllSnapshots;
import cairn.server.image.FastRestores;
import cairn.server.image.ImageRegistry;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumeRegistry;
import cairn.server.image.VolumeSnapshots;
import cairn.server.instance.InstanceRegistry;
import java.time.Clock;

/** The parts of the server that EC2's operations on snapshots and volumes need. */
record SnapshotServices(
        AllSnapshots all,
        SnapshotRegistry completed,
        VolumeSnapshots makers,
        FastRestores fastRestores,
        ImageRegistry images,
        VolumeRegistry volumes,
        InstanceRegistry instances,
        AccountSettingsRegistry settings,
        Encryption encryption,
        ClientTokens clientTokens,
        Clock clock) {
    void addTo(Operations operations, Pages pages) {
        new SnapshotOperations(all, completed, volumes, makers, settings, encryption, pages, clock).addTo(operations);
        new SnapshotLockOperations(all, completed, pages, clock).addTo(operations);
        new SnapshotTierOperations(all, completed, images, pages, clock).addTo(operations);
        new SnapshotBinOperations(completed, pages).addTo(operations);
        new SnapshotDefaultOperations(settings, encryption).addTo(operations);
        new FastRestoreOperations(all, completed, fastRestores, pages, clock).addTo(operations);
        new VolumeOperations(volumes, all, completed, instances, encryption, clientTokens, pages, clock)
                .addTo(operations);
    }
}
