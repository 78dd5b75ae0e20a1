package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.client.DiskId;
import cairn.client.ImageUploader;
import cairn.client.ImageVerifier;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.disk.DiskSource;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.SnapshotId;
import java.net.URI;

/** An image that was pushed to a server. */
record Pushed(ImageId id, SnapshotId snapshot) {
    static Pushed push(StoreClient client, DiskSource disk, String name) {
        Messages.Image image = new ImageUploader(client)
                .upload(disk, NewImage.of(new ImageName(name)), TransferProgress.none())
                .image();
        return new Pushed(new ImageId(image.id()), new SnapshotId(image.snapshot()));
    }

    /** Where it is booted over the server's unix socket, with what is known of earlier boots, and noting this one. */
    URI bootUri(StoreClient client) {
        return uri(client, DiskId.of(id));
    }

    /** Where its disk is read over the server's unix socket as it comes: nothing is known or noted of boots. */
    URI diskUri(StoreClient client) {
        return uri(client, DiskId.of(snapshot));
    }

    private static URI uri(StoreClient client, DiskId disk) {
        String uri = client.exportUri(disk).socketUri();
        if (uri == null) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    "the server has no unix socket, for its folder's path is too long: set TMPDIR to a shorter one");
        }
        return URI.create(uri);
    }

    /** Reads all of it, proving every chunk, and holds its root digest against that of the disk. */
    void requireEqual(StoreClient client, DiskSource disk) {
        DiskId image = DiskId.of(id);
        ImageVerifier verifier = new ImageVerifier(client);
        verifier.verify(image, TransferProgress.none());
        ImageVerifier.Comparison comparison = verifier.compare(image, disk, TransferProgress.none());
        if (!comparison.isEqual()) {
            throw new StoreException(
                    Fault.CORRUPT,
                    "image " + id + " has root digest " + comparison.rootDigest() + ", its disk "
                            + comparison.localRootDigest());
        }
    }
}
