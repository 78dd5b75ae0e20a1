package cairn.server.api;

import cairn.api.Messages;
import cairn.chunk.Chunk;
import cairn.image.ImageId;
import cairn.server.account.Access.Right;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.image.ImageRegistry;
import cairn.server.volume.BootProfile;
import cairn.server.volume.BootProfiles;
import cairn.server.volume.BootRecording;
import java.util.List;

/** Answers what is known of an image's boots. */
public final class BootProfileApi {
    private final ImageRegistry images;
    private final BootProfiles profiles;

    public BootProfileApi(ImageRegistry images, BootProfiles profiles) {
        this.images = images;
        this.profiles = profiles;
    }

    HttpReply show(HttpCall call, String id) {
        call.requireOnly();
        ImageId image = images.read(call.caller(), Right.READ, new ImageId(id)).id();
        BootProfile profile = profiles.find(image)
                .filter(found -> found.image().equals(image) || images.find(call.caller(), found.image()).isPresent())
                .orElse(new BootProfile(image, 0, List.of()));
        return ApiDoor.json(message(image, profile));
    }

    private static Messages.BootProfile message(ImageId image, BootProfile profile) {
        long chunks = profile.order().size();
        List<BootRecording> later =
                profile.recordings().stream().filter(each -> each.namedChunks() > 0).toList();
        return new Messages.BootProfile(
                image.value(),
                profile.image().equals(image) ? null : profile.image().value(),
                profile.boots(),
                profile.recordings().size(),
                chunks,
                chunks * Chunk.SIZE_BYTES,
                later.size(),
                later.stream().mapToLong(each -> each.touched().size()).sum(),
                later.stream().mapToLong(BootRecording::namedChunks).sum(),
                later.stream().mapToLong(BootRecording::namedTouched).sum(),
                later.stream().mapToLong(BootRecording::aheadChunks).sum(),
                later.stream().mapToLong(BootRecording::aheadTouched).sum());
    }
}
