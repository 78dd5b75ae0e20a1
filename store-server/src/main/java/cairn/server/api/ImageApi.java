package cairn.server.api;

import cairn.api.Api;
import cairn.api.Json;
import cairn.api.Messages.Image;
import cairn.api.Messages.ImageList;
import cairn.api.Messages.ImageProof;
import cairn.image.AccountId;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageManifest;
import cairn.image.SnapshotId;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.image.ImageRegistry;
import cairn.server.image.RegisteredImage;
import cairn.server.image.Snapshot;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.TreeMap;

/** Answers questions about images and snapshots. */
public final class ImageApi {
    /** The state of what can be used; EC2's words. */
    private static final String IMAGE_STATE = "available";
    private static final String SNAPSHOT_STATE = "completed";
    private static final int LIST_IMAGES_MAX = 1000;
    /** Descriptions and tags can make an image's message long; what is behind this comes with the next list. */
    private static final int LIST_BYTES_MAX = Api.JSON_BYTES_MAX / 2;

    private final ImageRegistry images;

    public ImageApi(ImageRegistry images) {
        this.images = images;
    }

    HttpReply list(HttpCall call) {
        call.requireOnly("after");
        String after = call.find("after").map(id -> new ImageId(id).value()).orElse("");
        List<RegisteredImage> some = images.list(call.caller(), after, LIST_IMAGES_MAX);
        List<Image> listed = new ArrayList<>();
        long bytes = 0;
        for (RegisteredImage image : some) {
            listed.add(message(image));
            bytes += Json.encode(listed.get(listed.size() - 1)).length;
            if (bytes > LIST_BYTES_MAX) {
                break;
            }
        }
        boolean isLast = some.size() < LIST_IMAGES_MAX && listed.size() == some.size();
        return ApiDoor.json(new ImageList(listed, isLast ? null : listed.get(listed.size() - 1).id()));
    }

    HttpReply show(HttpCall call, String id) {
        call.requireOnly();
        return ApiDoor.json(message(images.read(call.caller(), new ImageId(id))));
    }

    HttpReply proof(HttpCall call, String id) {
        call.requireOnly();
        RegisteredImage image = images.read(call.caller(), new ImageId(id));
        return ApiDoor.json(new ImageProof(id, Base64.getEncoder().encodeToString(image.signed().encode())));
    }

    HttpReply remove(HttpCall call, String id) {
        call.requireOnly();
        images.remove(call.caller(), new ImageId(id));
        return HttpReply.NO_CONTENT;
    }

    HttpReply showSnapshot(HttpCall call, String id) {
        call.requireOnly();
        return ApiDoor.json(message(images.readSnapshot(call.caller(), new SnapshotId(id))));
    }

    HttpReply removeSnapshot(HttpCall call, String id) {
        call.requireOnly();
        images.removeSnapshot(call.caller(), new SnapshotId(id));
        return HttpReply.NO_CONTENT;
    }

    static Image message(RegisteredImage image) {
        ImageManifest manifest = image.manifest();
        return new Image(
                image.id().value(),
                manifest.name().value(),
                manifest.description(),
                manifest.owner().value(),
                IMAGE_STATE,
                manifest.architecture().label(),
                manifest.bootMode().map(BootMode::label).orElse(null),
                manifest.rootDevice(),
                manifest.parent().map(ImageId::value).orElse(null),
                manifest.createdAt().toString(),
                manifest.root().snapshot().value(),
                manifest.root().sizeBytes(),
                manifest.root().root().toString(),
                image.isPublic(),
                image.sharedWith().stream().map(AccountId::value).toList(),
                new TreeMap<>(image.tags()));
    }

    private static cairn.api.Messages.Snapshot message(Snapshot snapshot) {
        return new cairn.api.Messages.Snapshot(
                snapshot.id().value(),
                snapshot.owner().value(),
                SNAPSHOT_STATE,
                snapshot.startedAt().toString(),
                snapshot.parent().map(SnapshotId::value).orElse(null),
                snapshot.root().sizeBytes(),
                snapshot.root().digest().toString(),
                snapshot.root().top().digest().toString(),
                new TreeMap<>(snapshot.tags()));
    }
}
