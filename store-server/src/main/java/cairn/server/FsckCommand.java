package cairn.server;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.DamageText;
import cairn.api.DefaultDataFolder;
import cairn.api.Json;
import cairn.api.ScrubMessages;
import cairn.image.StoreKey;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.RetentionRules;
import cairn.server.api.ScrubApi;
import cairn.server.image.ImageRegistry;
import cairn.server.image.SnapshotRegistry;
import cairn.server.scrub.Fsck;
import cairn.server.scrub.ImageFacts;
import cairn.server.storage.Catalog;
import cairn.server.storage.OpenTrees;
import cairn.server.storage.rocks.RocksStorage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cairn fsck}. */
@Command(
        name = "cairn fsck",
        mixinStandardHelpOptions = true,
        versionProvider = ServerVersion.class,
        description = {
            "Proves a store that no server has open: every item, its database's files, the index, all trees, all"
                    + " signatures. The status is 1 if anything is damaged."
        },
        sortOptions = false)
final class FsckCommand implements Callable<Integer> {
    private static final long SAID_BYTES = 4L << 30;

    @Option(names = "--data", paramLabel = "DIR", description = "the store (default: ${DEFAULT-VALUE})")
    private Path data = DefaultDataFolder.of(System::getenv, Path.of(System.getProperty("user.home")));

    @Option(
            names = "--rebuild-index",
            description = "make the index anew first, from the segments and the trees; may be cut short and done again")
    private boolean isIndexMadeAnew;

    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    private long readBytes;

    /** @param rebuilt absent unless the index was made anew */
    private record Found(Fsck.Rebuilt rebuilt, ScrubMessages.Result result, ScrubMessages.Damage damage) {}

    @Override
    public Integer call() {
        try {
            if (!Files.exists(data.resolve("VERSION"))) {
                throw new StoreException(Fault.NOT_FOUND, "there is no store in " + data);
            }
            try (RocksStorage storage =
                    isIndexMadeAnew ? RocksStorage.openWithoutMissing(data) : RocksStorage.open(data)) {
                return check(storage);
            }
        } catch (StoreException e) {
            System.err.println("cairn: " + e.getMessage());
            advise(e);
            return 1;
        }
    }

    private int check(RocksStorage storage) {
        Clock clock = Clock.systemUTC();
        Fsck.Parts parts = new Fsck.Parts(
                storage,
                new StoreRoots(storage.catalog(), storage.pendingBlocks(), new OpenTrees()),
                images(storage.catalog(), clock),
                storage.files(),
                storage.indexMaking(),
                clock);
        Fsck.Report report = new Fsck(parts, this::read).run(isIndexMadeAnew);
        ScrubMessages.Result result = ScrubApi.message(report.result());
        ScrubMessages.Damage damage = ScrubApi.message(report.damage());
        if (isJson) {
            System.out.println(Json.pretty(new Found(report.rebuilt().orElse(null), result, damage)));
        } else {
            report.rebuilt().ifPresent(rebuilt -> System.out.println("index made anew: " + rebuilt.items()
                    + " items found, " + rebuilt.rows() + " rows made" + (rebuilt.lost() == 0
                            ? ""
                            : ", " + rebuilt.lost() + " of them to items that no segment has; what is below lost pages"
                                    + " is not counted")));
            System.out.println(result.items() + " items and " + result.pages() + " pages of trees proven: "
                    + DamageText.summary(result));
            DamageText.findings(damage).forEach(System.out::println);
        }
        DamageText.advice(damage).forEach(System.err::println);
        return report.result().foundNothing() ? 0 : 1;
    }

    /** Nothing of it is signed or changed here. */
    private static ImageFacts images(Catalog catalog, Clock clock) {
        StoreSecrets secrets = StoreSecrets.readOrCreate(catalog);
        RetentionRules retention = new RetentionRules(catalog, clock);
        SnapshotRegistry snapshots =
                new SnapshotRegistry(catalog, new AccountSettingsRegistry(catalog), retention, clock);
        return new StoreImageFacts(
                new ImageRegistry(catalog, snapshots, new StoreKey(secrets.signingKey()), clock, retention));
    }

    private void read(long bytes) {
        if (readBytes / SAID_BYTES != (readBytes + bytes) / SAID_BYTES) {
            System.err.println("read " + ((readBytes + bytes) >> 30) + " GiB");
        }
        readBytes += bytes;
    }

    private void advise(StoreException e) {
        if (e.fault() == Fault.CORRUPT) {
            System.err.println("The database's own records are damaged (its manifest, its log, or the catalog): nothing"
                    + " here can make them anew. Restore a backup (`cairn backup` makes them), and keep " + data
                    + " as it is until that is done.");
        }
    }
}
