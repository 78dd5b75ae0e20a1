package cairn.server.api;

import cairn.api.Json;
import cairn.api.Messages.CreateVolume;
import cairn.api.Messages.Volume;
import cairn.api.Messages.VolumeList;
import cairn.image.ImageId;
import cairn.image.NewVolume;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.image.RegisteredVolume;
import cairn.server.image.VolumePlan;
import cairn.server.image.VolumeRegistry;
import cairn.server.image.VolumeSettings;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** Answers questions about volumes. */
public final class VolumeApi {
    /** EC2's words. */
    private static final String AVAILABLE = "available";
    private static final String IN_USE = "in-use";

    private final VolumeRegistry volumes;
    private final Encryption encryption;

    public VolumeApi(VolumeRegistry volumes, Encryption encryption) {
        this.volumes = volumes;
        this.encryption = encryption;
    }

    HttpReply create(HttpCall call) {
        call.requireOnly();
        CreateVolume wanted = Json.decode(call.body(), CreateVolume.class);
        NewVolume volume = new NewVolume(
                Optional.ofNullable(wanted.source()),
                Optional.ofNullable(wanted.sizeBytes()),
                Boolean.TRUE.equals(wanted.isReadOnly()),
                Boolean.TRUE.equals(wanted.isEphemeral()),
                Optional.ofNullable(wanted.tags()).orElse(Map.of()));
        Caller caller = call.caller();
        VolumeSettings settings = VolumeSettings.in(caller.region()).with(encryption.choose(caller));
        return ApiDoor.json(message(volumes.create(caller, VolumePlan.of(volume, settings), made -> List.of()), 0L));
    }

    HttpReply list(HttpCall call) {
        call.requireOnly("after");
        String after = call.find("after").map(id -> new VolumeId(id).value()).orElse("");
        ListPage<Volume> page = ListPage.of(
                volumes.list(call.caller(), after, ListPage.ITEMS_MAX), volume -> message(volume, null), Volume::id);
        return ApiDoor.json(new VolumeList(page.items(), page.next()));
    }

    HttpReply show(HttpCall call, String id) {
        call.requireOnly();
        RegisteredVolume volume = volumes.read(call.caller(), new VolumeId(id));
        return ApiDoor.json(message(volume, volumes.dirtyBytes(volume.id())));
    }

    HttpReply tag(HttpCall call, String id) {
        call.requireOnly();
        UnaryOperator<Map<String, String>> change = RequestedChanges.tags(call);
        RegisteredVolume volume = volumes.change(
                call.caller(), new VolumeId(id), each -> each.withTags(change.apply(each.tags())));
        return ApiDoor.json(message(volume, volumes.dirtyBytes(volume.id())));
    }

    HttpReply remove(HttpCall call, String id) {
        call.requireOnly();
        volumes.remove(call.caller(), new VolumeId(id));
        return HttpReply.NO_CONTENT;
    }

    private Volume message(RegisteredVolume volume, Long dirtyBytes) {
        int clients = volumes.clients(volume.id());
        return new Volume(
                volume.id().value(),
                volume.owner().value(),
                volume.region().name(),
                clients == 0 && volume.settings().attachments().isEmpty() ? AVAILABLE : IN_USE,
                volume.sizeBytes(),
                volume.image().map(ImageId::value).orElse(null),
                volume.snapshot().map(SnapshotId::value).orElse(null),
                volume.isReadOnly(),
                volume.isEphemeral(),
                volume.createdAt().toString(),
                clients,
                dirtyBytes,
                new TreeMap<>(volume.tags()));
    }
}
