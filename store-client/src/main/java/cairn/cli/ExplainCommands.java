package cairn.cli;

import cairn.Digest;
import cairn.api.UsageMessages.ChunkExplanation;
import cairn.api.UsageMessages.Copy;
import cairn.api.UsageMessages.Explanation;
import cairn.api.UsageMessages.Keeper;
import cairn.api.UsageMessages.Sharer;
import cairn.chunk.ChunkId;
import cairn.client.StoreClient;
import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands of {@code cairn explain}. */
final class ExplainCommands {
    private ExplainCommands() {}

    /** Of what holds chunks. */
    private abstract static class Whole extends StoreCommand {
        @Option(names = "--json", description = "print a JSON object")
        private boolean isJson;

        Whole(Terminal terminal) {
            super(terminal);
        }

        abstract Explanation read(StoreClient client);

        @Override
        final int run(StoreClient client) {
            Explanation explanation = read(client);
            if (isJson) {
                printJson(explanation);
            } else {
                print(explanation);
            }
            return DONE;
        }

        private void print(Explanation of) {
            Fields fields = new Fields()
                    .put(of.kind(), of.id() + (of.name().isEmpty() ? "" : "  " + of.name()))
                    .put("logical", Sizes.bytes(of.logicalBytes()) + ", the sizes of its disks")
                    .put("data", Sizes.bytes(of.dataBytes()) + ", what is on them and not zeros")
                    .put("alone", Sizes.bytes(of.exclusiveBytes()) + " in "
                            + Sizes.count(of.exclusiveChunks(), "chunk") + " that nothing else keeps")
                    .put("comes back", "about " + Sizes.bytes(of.exclusiveStoredBytes()) + " on the disk, if it went")
                    .putLines("named by", of.images());
            List<String> stays = new ArrayList<>(of.stays().stream()
                    .map(stay -> stay.why() + " has " + stay.id() + " until " + stay.until())
                    .toList());
            if (Boolean.TRUE.equals(of.isOpen())) {
                stays.add("somebody reads it just now");
            }
            fields.putLines("stays", stays).print(terminal.out());
            if (!of.sharedWith().isEmpty()) {
                Table table = new Table(">SHARED", "WITH", "KIND", "ACCOUNT", "NAME");
                for (Sharer sharer : of.sharedWith()) {
                    table.row(
                            Sizes.bytes(sharer.sharedBytes()),
                            sharer.id(),
                            sharer.kind(),
                            sharer.account(),
                            sharer.name());
                }
                terminal.out().println();
                table.print(terminal.out());
            }
        }
    }

    @Command(name = "image", description = "Say what would come back if an image went, and what it shares with whom.")
    static final class OfImage extends Whole {
        @Parameters(paramLabel = "ID", description = "ami-...")
        private ImageId id;

        OfImage(Terminal terminal) {
            super(terminal);
        }

        @Override
        Explanation read(StoreClient client) {
            return client.explain(id);
        }
    }

    @Command(name = "snapshot", description = "The same of a snapshot.")
    static final class OfSnapshot extends Whole {
        @Parameters(paramLabel = "ID", description = "snap-...")
        private SnapshotId id;

        OfSnapshot(Terminal terminal) {
            super(terminal);
        }

        @Override
        Explanation read(StoreClient client) {
            return client.explain(id);
        }
    }

    @Command(
            name = "volume",
            description = "The same of a volume; what was written to it and is in no snapshot is not counted.")
    static final class OfVolume extends Whole {
        @Parameters(paramLabel = "ID", description = "vol-...")
        private VolumeId id;

        OfVolume(Terminal terminal) {
            super(terminal);
        }

        @Override
        Explanation read(StoreClient client) {
            return client.explain(id);
        }
    }

    @Command(name = "account", description = "The same of all that an account owns.")
    static final class OfAccount extends Whole {
        @Parameters(paramLabel = "ID", description = "12 digits")
        private AccountId id;

        OfAccount(Terminal terminal) {
            super(terminal);
        }

        @Override
        Explanation read(StoreClient client) {
            return client.explain(id);
        }
    }

    @Command(name = "chunk", description = "Say what keeps a chunk, where it is in that, and where it lies.")
    static final class OfChunk extends StoreCommand {
        @Parameters(paramLabel = "ID", description = "64 hexadecimal digits")
        private ChunkId id;

        @Option(names = "--json", description = "print a JSON object")
        private boolean isJson;

        OfChunk(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            ChunkExplanation explanation = client.explain(id);
            if (isJson) {
                printJson(explanation);
            } else {
                print(explanation);
            }
            return DONE;
        }

        private void print(ChunkExplanation of) {
            Fields fields = new Fields().put("chunk", of.id());
            if (of.copies() != null) {
                fields.putLines("lies at", of.copies().stream().map(OfChunk::line).toList());
            }
            fields.put("kept by", of.keeperCount() == 0 ? "nothing" : Sizes.count(of.keeperCount(), "tree"));
            if (Boolean.TRUE.equals(of.isOpen())) {
                fields.put("open", "somebody reads a tree with it just now");
            }
            fields.print(terminal.out());
            if (!of.keptBy().isEmpty()) {
                Table table = new Table("KEPT BY", "KIND", "ACCOUNT", "TREE", ">CHUNK", ">OFFSET", ">TIMES", "NAME");
                for (Keeper keeper : of.keptBy()) {
                    table.row(
                            keeper.id(),
                            keeper.kind(),
                            keeper.account(),
                            keeper.tree(),
                            keeper.chunkIndex(),
                            keeper.offset(),
                            Sizes.count(keeper.occurrences()),
                            keeper.name());
                }
                terminal.out().println();
                table.print(terminal.out());
                printPath(of.keptBy().get(0));
            }
        }

        private static String line(Copy copy) {
            return Stream.of(
                            copy.ordinal(),
                            copy.state(),
                            copy.form(),
                            copy.extent() == null
                                    ? ""
                                    : "with " + Sizes.count(copy.extentItems()) + " items in "
                                            + Sizes.bytes(copy.extentBytes()) + ", " + copy.extent())
                    .filter(each -> !each.isEmpty())
                    .reduce((left, right) -> left + ", " + right)
                    .orElseThrow();
        }

        private void printPath(Keeper keeper) {
            if (!keeper.path().isEmpty()) {
                terminal.out().println();
                new Fields()
                        .put("path in", keeper.tree())
                        .putLines("", keeper.path().stream().map(page -> "page " + page).toList())
                        .put("chunk", keeper.chunkIndex() + ", at byte " + keeper.offset())
                        .print(terminal.out());
            }
        }
    }

    /** What the command line takes for a chunk. */
    static ChunkId parse(String text) {
        return new ChunkId(Digest.parse(text));
    }
}
