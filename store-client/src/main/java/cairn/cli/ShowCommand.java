package cairn.cli;

import cairn.api.Messages;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "show", description = "Show what is known of an image or a snapshot.")
final class ShowCommand extends StoreCommand {
    @Parameters(paramLabel = "ID", description = "ami-... or snap-...")
    private DiskId id;

    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    ShowCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        if (id.isImage()) {
            Messages.Image image = client.image(id.image());
            print(image, fields(image));
        } else {
            Messages.Snapshot snapshot = client.snapshot(id.snapshot());
            print(snapshot, fields(snapshot));
        }
        return DONE;
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
                .put("created", image.createdAt())
                .put("architecture", image.architecture())
                .put("boot mode", image.bootMode())
                .put("root device", image.rootDevice())
                .put("size", Sizes.bytes(image.sizeBytes()) + " (" + image.sizeBytes() + " bytes)")
                .put("snapshot", image.snapshot())
                .put("root digest", image.rootDigest())
                .put("parent", image.parent())
                .put("public", image.isPublic() ? "yes" : "no")
                .put("shared with", image.sharedWith() == null ? null : String.join(", ", image.sharedWith()))
                .putAll("tag", image.tags());
    }

    private static Fields fields(Messages.Snapshot snapshot) {
        return new Fields()
                .put("id", snapshot.id())
                .put("state", snapshot.state())
                .put("owner", snapshot.owner())
                .put("started", snapshot.startedAt())
                .put("size", Sizes.bytes(snapshot.sizeBytes()) + " (" + snapshot.sizeBytes() + " bytes)")
                .put("root digest", snapshot.rootDigest())
                .put("top page", snapshot.topPage())
                .put("parent", snapshot.parent())
                .putAll("tag", snapshot.tags());
    }
}
