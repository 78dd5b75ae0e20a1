package cairn.cli;

import cairn.api.Messages;
import cairn.client.StoreClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "stats", description = "Show what the store holds.")
final class StatsCommand extends StoreCommand {
    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    StatsCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        Messages.Stats stats = client.stats();
        if (isJson) {
            printJson(stats);
            return DONE;
        }
        new Fields()
                .put("images", Sizes.count(stats.images()))
                .put("snapshots", Sizes.count(stats.snapshots()))
                .put("volumes", Sizes.count(stats.volumes()))
                .put("logical", Sizes.bytes(stats.logicalBytes()) + ", the sizes of all snapshots")
                .put("unique", Sizes.bytes(stats.uniqueBytes()) + " in " + Sizes.count(stats.chunks()) + " chunks")
                .put("stored", Sizes.bytes(stats.storedBytes()) + " on disk: segments "
                        + Sizes.bytes(stats.segmentBytes()) + ", index " + Sizes.bytes(stats.indexBytes())
                        + ", what volumes have beside their snapshots " + Sizes.bytes(stats.dirtyBytes()))
                .put("ratio", ratio(stats))
                .put("free", Sizes.bytes(stats.usableBytes()))
                .print(terminal.out());
        return DONE;
    }

    /** Null where nothing is kept yet. */
    private static String ratio(Messages.Stats stats) {
        return stats.uniqueBytes() == 0
                ? null
                : Sizes.ratio(stats.logicalBytes(), stats.storedBytes()) + " logical to stored, "
                        + Sizes.ratio(stats.uniqueBytes(), stats.storedBytes()) + " unique to stored";
    }
}
