package cairn.bench;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.cli.Sizes;
import cairn.cli.Table;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.gc.Accounting;
import cairn.server.gc.Explanation;
import cairn.server.gc.Holder;
import cairn.server.gc.Holders;
import cairn.server.gc.Ledger;
import cairn.server.gc.Subject;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.PageChildren;
import cairn.server.storage.Storage;
import cairn.server.storage.rocks.RocksStorage;
import cairn.tree.Page;
import cairn.tree.Tree;
import cairn.tree.TreeRoot;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Makes a store of many images of one family, and has it say what each of them alone keeps. */
@Command(
        name = "accounting",
        description = "Make a store of images, each of which differs a little from the one before; print what it takes"
                + " to say what every image and account alone keeps. Chunks are names and places, without their bytes.")
final class AccountingCommand extends MeasuringCommand {
    private static final DomainId DOMAIN = new DomainId(1);
    private static final int ITEM_BYTES = 8;
    /** As of Debian's disks, packed, in 64 MiB. */
    private static final int SEGMENT_ITEMS = 2_500;
    private static final int ACCOUNTS = 10;

    @Option(names = "--images", paramLabel = "N", description = "of the family (default: ${DEFAULT-VALUE})")
    private int images = 1000;

    @Option(names = "--chunks", paramLabel = "N", description = "of one image (default: ${DEFAULT-VALUE})")
    private int chunks = 100_000;

    @Option(
            names = "--changed",
            paramLabel = "N",
            description = "chunks that an image changes (default: ${DEFAULT-VALUE})")
    private int changed = 2_000;

    @Option(
            names = "--together",
            paramLabel = "N",
            description = "so many of these lie side by side (default: ${DEFAULT-VALUE})")
    private int together = 40;

    @Option(names = "--runs", paramLabel = "N", description = "of each measurement (default: ${DEFAULT-VALUE})")
    private int runs = 3;

    private final SplittableRandom random = new SplittableRandom(1);
    private final byte[] bytes = new byte[ITEM_BYTES];
    private final List<ChunkIndex.Row> rows = new ArrayList<>();
    private final List<ChunkIndex.Children> children = new ArrayList<>();
    private Storage storage;
    private long pages;
    private long uniqueChunks;
    private int unsealed;

    /**
     * What was measured.
     *
     * @param pages unique ones
     * @param cachedMillis of the same question again, where nothing has changed
     * @param heldBytes of the heap, about, while it was counted
     */
    private record Found(
            int images,
            long uniqueChunks,
            long pages,
            List<Long> allMillis,
            List<Long> cachedMillis,
            List<Long> oneImageMillis,
            long pageReads,
            long heldBytes) implements Report {
        @Override
        public List<Part> parts() {
            Table table = new Table("WHAT IS ASKED", ">MS, RUN BY RUN")
                    .row("every image and account", shown(allMillis))
                    .row("the same again", shown(cachedMillis))
                    .row("one image, and with whom", shown(oneImageMillis));
            return List.of(new Part(table, List.of(
                    Sizes.count(images) + " images, " + Sizes.count(uniqueChunks) + " unique chunks, "
                            + Sizes.count(pages) + " unique pages; " + Sizes.count(pageReads)
                            + " page reads, " + Sizes.bytes(heldBytes) + " of heap.")));
        }

        private static String shown(List<Long> millis) {
            return millis.stream().map(Sizes::count).collect(Collectors.joining(", "));
        }
    }

    AccountingCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        if (images < 1 || chunks < 1 || changed < 0 || together < 1 || together > chunks || runs < 1) {
            throw wrong("counts are at least 1, --together at most --chunks");
        }
        Path folder = ScratchFolder.make();
        try (Storage opened = RocksStorage.open(folder.resolve("data"))) {
            storage = opened;
            return measure(fill());
        } finally {
            ScratchFolder.remove(folder);
        }
    }

    /** An image's tree: its chunks, and the pages above them from level 0 up. */
    private List<Holder> fill() {
        long[] leaves = new long[chunks];
        for (int i = 0; i < chunks; i++) {
            leaves[i] = chunk();
        }
        long sizeBytes = (long) chunks * Chunk.SIZE_BYTES;
        List<long[]> levels = new ArrayList<>();
        Digest top = Digest.ZERO;
        List<Holder> holders = new ArrayList<>();
        for (int image = 0; image < images; image++) {
            boolean[] isChanged = new boolean[chunks];
            if (image == 0) {
                Arrays.fill(isChanged, true);
            }
            for (int done = 0; image > 0 && done < changed; done += together) {
                int first = random.nextInt(chunks - together + 1);
                for (int i = first; i < first + Math.min(together, changed - done); i++) {
                    leaves[i] = chunk();
                    isChanged[i] = true;
                }
            }
            top = pagesAbove(leaves, isChanged, levels, Tree.topLevel(sizeBytes), top);
            flush();
            holders.add(holder(image, sizeBytes, TreeRoot.of(sizeBytes, top)));
            if ((image + 1) % 100 == 0) {
                say("made %d images, %,d chunks, %,d pages", image + 1, uniqueChunks, pages);
            }
        }
        return holders;
    }

    /** Puts the pages above what has changed. @return the digest of the topmost */
    private Digest pagesAbove(
            long[] leaves, boolean[] changedLeaves, List<long[]> levels, int topLevel, Digest before) {
        long[] below = leaves;
        boolean[] isChanged = changedLeaves;
        Digest top = before;
        for (int level = 0; level <= topLevel; level++) {
            int count = (below.length + Page.CHILDREN - 1) / Page.CHILDREN;
            if (levels.size() == level) {
                levels.add(new long[count]);
            }
            boolean[] isChangedHere = new boolean[count];
            for (int i = 0; i < below.length; i++) {
                isChangedHere[i / Page.CHILDREN] |= isChanged[i];
            }
            for (int page = 0; page < count; page++) {
                if (isChangedHere[page]) {
                    long[] slots = new long[Page.CHILDREN];
                    Arrays.fill(slots, PageChildren.ABSENT);
                    int from = page * Page.CHILDREN;
                    System.arraycopy(below, from, slots, 0, Math.min(Page.CHILDREN, below.length - from));
                    ItemKey key = new ItemKey(1 + level, digest());
                    levels.get(level)[page] = item(key);
                    children.add(new ChunkIndex.Children(levels.get(level)[page], new PageChildren(slots)));
                    pages++;
                    top = key.digest();
                }
            }
            below = levels.get(level);
            isChanged = isChangedHere;
        }
        return top;
    }

    private long chunk() {
        uniqueChunks++;
        return item(new ItemKey(ItemKey.CHUNK_KIND, digest()));
    }

    private long item(ItemKey key) {
        long ordinal = storage.segments().append(key, bytes, 0, bytes.length);
        rows.add(new ChunkIndex.Row(DOMAIN, key, ordinal));
        if (++unsealed == SEGMENT_ITEMS) {
            flush();
        }
        return ordinal;
    }

    private void flush() {
        storage.segments().seal();
        storage.index().putAll(rows, children);
        rows.clear();
        children.clear();
        unsealed = 0;
    }

    private Digest digest() {
        return new Digest(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
    }

    private static Holder holder(int image, long sizeBytes, TreeRoot root) {
        String id = String.format("ami-%017x", image);
        return new Holder(
                Holder.Kind.IMAGE,
                id,
                "",
                new AccountId(String.format("%012d", image % ACCOUNTS)),
                Region.LOCAL,
                List.of(new Holder.Tree("snap" + id.substring(3), sizeBytes, DOMAIN, root)),
                Optional.empty(),
                List.of());
    }

    private Found measure(List<Holder> holders) {
        List<Long> all = new ArrayList<>();
        List<Long> cached = new ArrayList<>();
        List<Long> one = new ArrayList<>();
        Ledger ledger = null;
        for (int run = 0; run < runs; run++) {
            try (Accounting accounting = new Accounting(
                    storage,
                    new ChunkStore(storage.segments(), storage.index()),
                    () -> new Holders.View(holders, Set.of()),
                    () -> List.of(DOMAIN),
                    () -> Long.MAX_VALUE)) {
                long start = System.nanoTime();
                ledger = accounting.ledger().join();
                all.add((System.nanoTime() - start) / 1_000_000);
                start = System.nanoTime();
                accounting.ledger().join();
                cached.add((System.nanoTime() - start) / 1_000_000);
                start = System.nanoTime();
                Explanation.OfHolder explained = accounting.explain(
                                Subject.ofHolder(Holder.Kind.IMAGE, holders.get(images / 2).id()),
                                holder -> true,
                                holder -> true)
                        .join();
                one.add((System.nanoTime() - start) / 1_000_000);
                say("run %d: %,d ms for all, %,d for one, which alone has %,d chunks",
                        run + 1,
                        all.get(run),
                        one.get(run),
                        explained.held().exclusiveChunks());
            }
        }
        return new Found(images, uniqueChunks, pages, all, cached, one, ledger.pageReads(), ledger.heldBytes());
    }
}
