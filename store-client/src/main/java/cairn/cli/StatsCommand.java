package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.DamageText;
import cairn.api.Json;
import cairn.api.Messages;
import cairn.api.UsageMessages;
import cairn.api.UsageMessages.Usage;
import cairn.api.UsageMessages.UsageList;
import cairn.client.StoreClient;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "stats", description = "Show what the store holds, and what takes the space.")
final class StatsCommand extends StoreCommand {
    @Option(
            names = "--images",
            description = "list images, snapshots without one, volumes and unfinished snapshots: what each alone keeps")
    private boolean isByImage;

    @Option(names = "--accounts", description = "list accounts: what each alone keeps")
    private boolean isByAccount;

    @Option(names = "--json", description = "print a JSON object, or an array of what is listed")
    private boolean isJson;

    StatsCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        if (isByImage && isByAccount) {
            throw new StoreException(Fault.INVALID_REQUEST, "either --images or --accounts, not both");
        }
        if (isByImage) {
            print(readAll(client::usageOfHolders), table("ID", "KIND", "ACCOUNT"));
        } else if (isByAccount) {
            print(readAll(client::usageOfAccounts), table("ID"));
        } else {
            print(client.stats(), client.usage());
        }
        return DONE;
    }

    private static List<Usage> readAll(LongFunction<UsageList> page) {
        List<Usage> all = new ArrayList<>();
        Long offset = 0L;
        while (offset != null) {
            UsageList read = page.apply(offset);
            all.addAll(read.items());
            offset = read.next();
        }
        return all;
    }

    private static Table table(String... first) {
        List<String> headings = new ArrayList<>(List.of(first));
        headings.addAll(List.of(">LOGICAL", ">DATA", ">ALONE", ">ON DISK", "STAYS", "NAME"));
        return new Table(headings.toArray(String[]::new));
    }

    private void print(List<Usage> items, Table table) {
        if (isJson) {
            printJson(items);
            return;
        }
        for (Usage item : items) {
            List<Object> row = new ArrayList<>(List.of(item.id()));
            if (item.account() != null) {
                row.addAll(List.of(item.kind(), item.account()));
            }
            row.add(Sizes.bytes(item.logicalBytes()));
            row.add(Sizes.bytes(item.dataBytes()));
            row.add(Sizes.bytes(item.exclusiveBytes()));
            row.add(Sizes.bytes(item.exclusiveStoredBytes()));
            row.add(item.stays().stream().map(UsageMessages.Stay::why).distinct().reduce((a, b) -> a + ", " + b).orElse(""));
            row.add(item.name());
            table.row(row.toArray());
        }
        table.print(terminal.out());
    }

    private void print(Messages.Stats stats, UsageMessages.StoreUsage usage) {
        if (isJson) {
            Map<Object, Object> both = new LinkedHashMap<>();
            for (Object message : List.of(stats, usage)) {
                Map<?, ?> members = Json.decode(Json.encode(message), Map.class);
                both.putAll(members);
            }
            printJson(both);
            return;
        }
        new Fields()
                .put("images", Sizes.count(stats.images()))
                .put("snapshots", Sizes.count(stats.snapshots()))
                .put("volumes", Sizes.count(stats.volumes()))
                .put("logical", Sizes.bytes(stats.logicalBytes()) + ", the sizes of all snapshots")
                .put("unique", Sizes.bytes(stats.uniqueBytes()) + " in " + Sizes.count(stats.chunks()) + " chunks")
                .put("kept", Sizes.bytes(usage.keptBytes()) + " in " + Sizes.count(usage.keptChunks())
                        + " chunks that snapshots, volumes and uploads name")
                .put("stored", Sizes.bytes(stats.storedBytes()) + " on disk: segments "
                        + Sizes.bytes(stats.segmentBytes()) + ", index " + Sizes.bytes(stats.indexBytes())
                        + ", what volumes have beside their snapshots " + Sizes.bytes(stats.dirtyBytes()))
                .put("reclaimable", "about " + Sizes.bytes(usage.reclaimableBytes()) + " of that, which nothing keeps any more")
                .put("unfinished", usage.unfinishedBytes() == 0
                        ? null
                        : "about " + Sizes.bytes(usage.unfinishedBytes()) + ", of uploads that go on")
                .put("ratio", ratio(stats))
                .put("free", Sizes.bytes(stats.usableBytes()))
                .put("last scrub", lastScrub(stats))
                .print(terminal.out());
    }

    private static String lastScrub(Messages.Stats stats) {
        return stats.lastScrub() == null
                ? "none yet"
                : stats.lastScrub().endedAt() + ", " + DamageText.summary(stats.lastScrub());
    }

    /** Null where nothing is kept yet. */
    private static String ratio(Messages.Stats stats) {
        return stats.uniqueBytes() == 0
                ? null
                : Sizes.ratio(stats.logicalBytes(), stats.storedBytes()) + " logical to stored, "
                        + Sizes.ratio(stats.uniqueBytes(), stats.storedBytes()) + " unique to stored";
    }
}
