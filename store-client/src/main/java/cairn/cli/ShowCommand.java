package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.client.ResourceId;
import cairn.client.StoreClient;
import cairn.image.ImageId;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "show", description = "Show what is known of an image, a snapshot or a volume.")
final class ShowCommand extends StoreCommand {
    @Parameters(paramLabel = "ID", description = "ami-..., snap-... or vol-...")
    private ResourceId id;

    @Option(
            names = "--profile",
            description = "show what is known of an image's boots, which is read ahead for the next")
    private boolean isProfile;

    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    ShowCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        if (isProfile) {
            Messages.BootProfile profile = client.bootProfile(image());
            print(profile, fields(profile));
        } else if (id.isVolume()) {
            Messages.Volume volume = client.volume(id.volume());
            print(volume, fields(volume));
        } else if (id.disk().isImage()) {
            Messages.Image image = client.image(id.disk().image());
            print(image, fields(image));
        } else {
            Messages.Snapshot snapshot = client.snapshot(id.disk().snapshot());
            print(snapshot, fields(snapshot));
        }
        return DONE;
    }

    private ImageId image() {
        if (id.isVolume() || !id.disk().isImage()) {
            throw new StoreException(Fault.INVALID_REQUEST, id + " is no image, and only images have boot profiles");
        }
        return id.disk().image();
    }

    private void print(Object message, Fields fields) {
        if (isJson) {
            printJson(message);
        } else {
            fields.print(terminal.out());
        }
    }

    private static Fields fields(Messages.Image image) {
        return new Fields()
                .put("id", image.id())
                .put("name", image.name())
                .put("description", image.description())
                .put("state", image.state())
                .put("owner", image.owner())
                .put("region", image.region())
                .put("created", image.createdAt())
                .put("architecture", image.architecture())
                .put("boot mode", image.bootMode())
                .put("root device", image.rootDevice())
                .put("size", size(image.sizeBytes()))
                .put("snapshot", image.snapshot())
                .put("root digest", image.rootDigest())
                .putLines("lineage", lineage(image))
                .put("public", image.isPublic() ? "yes" : "no")
                .put("shared with", joined(image.sharedWith()))
                .putAll("tag", image.tags());
    }

    private static Fields fields(Messages.BootProfile profile) {
        Fields fields = new Fields().put("id", profile.id());
        if (profile.boots() == 0) {
            return fields.put("profile", "none, no boot has been recorded yet");
        }
        fields.put("profile", profile.inheritedFrom() == null ? "its own" : "inherited from " + profile.inheritedFrom())
                .put("boots recorded", Sizes.count(profile.boots()) + ", the last "
                        + Sizes.count(profile.recordings()) + " make the profile")
                .put("named", Sizes.count(profile.chunks(), "chunk") + ", " + Sizes.bytes(profile.bytes()));
        if (profile.foreseenBoots() > 0) {
            fields.put("hit rate", share(profile.hitChunks(), profile.touchedChunks()) + " of what "
                            + Sizes.count(profile.foreseenBoots(), "later boot") + " touched was named")
                    .put("use", share(profile.hitChunks(), profile.namedChunks()) + " of what was named was touched")
                    .put("read ahead", Sizes.count(profile.aheadChunks(), "chunk") + ", "
                            + share(profile.aheadHitChunks(), profile.aheadChunks()) + " of them touched");
        }
        return fields;
    }

    private static String share(long part, long whole) {
        return whole == 0 ? "-" : String.format(Locale.ROOT, "%.1f %%", 100.0 * part / whole);
    }

    /** From the parent up to a root image, one a line. */
    private static List<String> lineage(Messages.Image image) {
        return image.lineage().stream()
                .map(each -> each.id() + ' ' + (each.name() == null ? "(gone, or not yours to see)" : each.name()))
                .toList();
    }

    private static Fields fields(Messages.Snapshot snapshot) {
        return new Fields()
                .put("id", snapshot.id())
                .put("description", snapshot.description())
                .put("state", SnapshotCommands.state(snapshot))
                .put("failure", snapshot.failure())
                .put("owner", snapshot.owner())
                .put("region", snapshot.region())
                .put("started", snapshot.startedAt())
                .put("size", size(snapshot.sizeBytes()))
                .put("root digest", snapshot.rootDigest())
                .put("top page", snapshot.topPage())
                .put("volume", snapshot.volume())
                .put("parent", snapshot.parent())
                .put("image", snapshot.image())
                .put("public", snapshot.isPublic() ? "yes" : "no")
                .put("shared with", joined(snapshot.sharedWith()))
                .putAll("tag", snapshot.tags());
    }

    private static Fields fields(Messages.Volume volume) {
        return new Fields()
                .put("id", volume.id())
                .put("state", volume.state() + ", " + Sizes.count(volume.clients(), "client"))
                .put("kind", VolumeCommands.kind(volume))
                .put("owner", volume.owner())
                .put("region", volume.region())
                .put("created", volume.createdAt())
                .put("size", size(volume.sizeBytes()))
                .put("dirty", size(volume.dirtyBytes()) + " since the snapshot")
                .put("image", volume.image())
                .put("snapshot", volume.snapshot())
                .putAll("tag", volume.tags());
    }

    /** @param accounts null where they are not the asker's to see */
    private static String joined(List<String> accounts) {
        return accounts == null ? null : String.join(", ", accounts);
    }

    private static String size(long sizeBytes) {
        return Sizes.bytes(sizeBytes) + " (" + sizeBytes + " bytes)";
    }
}
