package cairn.cli;

import cairn.api.Messages;
import cairn.client.Retry;
import cairn.client.SnapshotWatch;
import cairn.client.StoreClient;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands of {@code cairn snapshot}. */
final class SnapshotCommands {
    private SnapshotCommands() {}

    /** A command that has a snapshot of a volume made, and waits for it. */
    abstract static class Making extends StoreCommand {
        Making(Terminal terminal) {
            super(terminal);
        }

        /** @param begin has the store begin it */
        final Messages.Snapshot make(StoreClient client, String task, Supplier<Messages.Snapshot> begin) {
            long startNanos = System.nanoTime();
            Messages.Snapshot made;
            try (ProgressLine progress = new ProgressLine(terminal, task)) {
                made = new SnapshotWatch(client, Retry.usual()).await(begin.get(), progress);
            }
            terminal.say(
                    "made snapshot %s in %s; root digest %s",
                    made.id(), Sizes.seconds(Duration.ofNanos(System.nanoTime() - startNanos)), made.rootDigest());
            return made;
        }
    }

    @Command(
            name = "create",
            description = {
                "Make a snapshot of a volume, also while it is in use; the last line of the output is its id.",
                "It shows the volume as it is now; while an earlier snapshot of it is made, as it is when that is done."
            },
            sortOptions = false)
    static final class Create extends Making {
        @Parameters(paramLabel = "VOLUME", description = "vol-...")
        private VolumeId volume;

        @Option(names = "--description", paramLabel = "TEXT", defaultValue = "", description = "what it is, for people")
        private String description;

        @Option(names = "--tag", paramLabel = "KEY=VALUE", description = "may be repeated")
        private Map<String, String> tags = new LinkedHashMap<>();

        @Option(names = "--json", description = "print a JSON object")
        private boolean isJson;

        Create(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            Messages.Snapshot made = make(
                    client,
                    "snapshot",
                    () -> client.startSnapshot(volume, new Messages.CreateSnapshot(description, tags)));
            if (isJson) {
                printJson(made);
            } else {
                terminal.out().println(made.id());
            }
            return DONE;
        }
    }

    @Command(name = "list", description = "List your snapshots, those of your images included.")
    static final class ListAll extends ListCommand<Messages.Snapshot> {
        ListAll(Terminal terminal) {
            super(terminal);
        }

        @Override
        List<Messages.Snapshot> read(StoreClient client) {
            return readAll(client::snapshots, Messages.SnapshotList::snapshots, Messages.SnapshotList::next);
        }

        @Override
        Table table() {
            return new Table("ID", ">SIZE", "STATE", "VOLUME", "IMAGE", "PARENT", "STARTED", "DESCRIPTION");
        }

        @Override
        void addRow(Table table, Messages.Snapshot snapshot) {
            table.row(
                    snapshot.id(),
                    Sizes.bytes(snapshot.sizeBytes()),
                    state(snapshot),
                    snapshot.volume(),
                    snapshot.image(),
                    snapshot.parent(),
                    snapshot.startedAt(),
                    snapshot.description());
        }
    }

    /** With the progress of one that is being made. */
    static String state(Messages.Snapshot snapshot) {
        return snapshot.progressPercent() == null
                ? snapshot.state()
                : snapshot.state() + ' ' + snapshot.progressPercent() + '%';
    }

    @Command(name = "rm", description = "Remove snapshots that no image names.")
    static final class Remove extends RemovingCommand<SnapshotId> {
        @Parameters(index = "0..*", paramLabel = "SNAPSHOT", arity = "1", description = "snap-...")
        private List<SnapshotId> ids;

        Remove(Terminal terminal) {
            super(terminal);
        }

        @Override
        List<SnapshotId> ids() {
            return ids;
        }

        @Override
        void remove(StoreClient client, SnapshotId id) {
            client.removeSnapshot(id);
        }
    }
}
