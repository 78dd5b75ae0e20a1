package cairn.server.scrub;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.server.gc.Root;
import cairn.server.gc.Roots;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import cairn.server.storage.OrdinalSet;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.StoredFiles;
import cairn.tree.Tree;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * Looks at everything once: all items in the order in which they lie, and with them the rows of the index that lead
 * there; the files themselves; all trees; what images say of their disks. Damage is noted, and what lies behind it is
 * looked at all the same. May run while the store is used. Not for several threads.
 */
final class ScrubPass {
    static final String INDEX_UNREADABLE = "the index cannot be read, make it anew by cairn fsck --rebuild-index: ";

    private static final long RUN_BYTES = 4L << 20;
    /** Of so many items together the rows are checked, and then the position can be kept: 8 MiB of heap. */
    private static final long PART_ITEMS = 1L << 21;
    private static final long PART_BYTES = 16L << 30;

    private final Parts parts;
    private final Findings findings;
    private final LongConsumer used;
    private final ItemProof proof = new ItemProof();
    private final KeyPrints prints = new KeyPrints();
    /** Where rows lead; read when it is first wanted. Null until then. */
    private OrdinalSet indexed;
    private long position;
    private long items;
    private long bytes;
    private long pages;
    private long recordsMade;

    /** What is looked at. */
    record Parts(
            SegmentStore segments,
            ChunkIndex index,
            Roots roots,
            ImageFacts images,
            StoredFiles files) {}

    /** How far a pass has come. */
    record Progress(long position, long items, long bytes) {
        static final Progress BEGIN = new Progress(0, 0, 0);
    }

    /** @param used told how many bytes were read; may wait, and what it throws ends the pass */
    ScrubPass(Parts parts, Progress from, Findings findings, LongConsumer used) {
        this.parts = parts;
        this.findings = findings;
        this.used = used;
        this.position = from.position;
        this.items = from.items;
        this.bytes = from.bytes;
    }

    Progress progress() {
        return new Progress(position, items, bytes);
    }

    Findings findings() {
        return findings;
    }

    /** How many pages of trees were looked at. */
    long pages() {
        return pages;
    }

    /** How many records of pages' children were made anew. */
    long recordsMade() {
        return recordsMade;
    }

    /**
     * Reads all items and files; then {@link #trees} is to be called.
     *
     * @param checkpoint called whenever {@link #progress} and {@link #findings} can be gone on from
     */
    void read(Runnable checkpoint) {
        items(checkpoint);
        files();
    }

    /** Looks at everything, where nobody writes meanwhile. */
    Damage run() {
        read(() -> {});
        return trees();
    }

    private void items(Runnable checkpoint) {
        long until = Ordinal.of(parts.segments.openSegment(), 0);
        while (position < until) {
            long from = position;
            readPart(until);
            checkRows(from, position);
            prints.clear();
            checkpoint.run();
        }
    }

    private void readPart(long until) {
        long bytesBefore = bytes;
        while (position < until && prints.count() < PART_ITEMS && bytes - bytesBefore < PART_BYTES) {
            readRun(until);
        }
    }

    private void readRun(long until) {
        List<SegmentStore.Item> run;
        try {
            run = parts.segments.readRun(position, until, RUN_BYTES);
        } catch (StoreException e) {
            passOver(e, until);
            return;
        }
        if (run.isEmpty()) {
            position = until;
            return;
        }
        long runBytes = 0;
        for (SegmentStore.Item item : run) {
            runBytes += item.packed().length;
            check(item);
        }
        items += run.size();
        bytes += runBytes;
        position = run.get(run.size() - 1).ordinal() + 1;
        used.accept(runBytes);
    }

    /** Goes on behind an item that cannot be read, at the next that anybody can ask for; rows tell which it was. */
    private void passOver(StoreException e, long until) {
        requireCorrupt(e);
        if (indexed == null) {
            indexed = new OrdinalSet();
            eachRow(row -> indexed.add(row.ordinal()));
        }
        OptionalLong next = indexed.firstFrom(position);
        // Where no row leads to the position itself, what cannot be read may be of no use to anybody.
        long behind = next.isEmpty() ? until : next.getAsLong();
        position = Math.min(until, behind == position ? position + 1 : behind);
        used.accept(RUN_BYTES);
    }

    private void check(SegmentStore.Item item) {
        try {
            proof.require(item.key(), item.packed());
            prints.put(item.ordinal(), item.key());
        } catch (StoreException e) {
            // Whether anybody can ask for it, its row tells.
            requireCorrupt(e);
        }
    }

    /** Everything that a row leads to and that was not just read is read by itself, as whoever asks for it would. */
    private void checkRows(long from, long until) {
        eachRow(row -> {
            if (row.ordinal() >= from && row.ordinal() < until && !prints.has(row.ordinal(), row.key())) {
                checkByItself(row);
            }
        });
    }

    /** Looks again at what was damaged when it was read: it may have been healed since, or removed. */
    private void recheck() {
        OrdinalSet suspects = findings.takeDamaged();
        if (suspects.isEmpty()) {
            return;
        }
        eachRow(row -> {
            if (suspects.contains(row.ordinal())) {
                checkByItself(row);
            }
        });
        // Rows go before items: what has one still, after it could not be read, was not removed before.
        OrdinalSet stillThere = new OrdinalSet();
        eachRow(row -> {
            if (suspects.contains(row.ordinal())) {
                stillThere.add(row.ordinal());
            }
        });
        findings.keepOnly(stillThere);
    }

    private void checkByItself(ChunkIndex.Row row) {
        try {
            byte[] packed = parts.segments.read(row.ordinal(), row.key());
            proof.require(row.key(), packed);
        } catch (StoreException e) {
            requireCorrupt(e);
            findings.damaged(row.ordinal(), row.key(), e.getMessage());
        }
    }

    private void eachRow(Consumer<ChunkIndex.Row> visitor) {
        for (int kind = ItemKey.CHUNK_KIND; kind <= 1 + Tree.LEVEL_MAX; kind++) {
            try {
                parts.index.forEach(kind, visitor);
            } catch (StoreException e) {
                requireCorrupt(e);
                findings.problem(INDEX_UNREADABLE + e.getMessage());
            }
        }
    }

    private void files() {
        for (StoredFiles.DamagedFile file : parts.files.check(used)) {
            findings.problem("file " + file.name() + " of " + file.holds() + " is damaged: " + file.why());
        }
    }

    /** Looks again at items that are known to be damaged, then at all trees, and says what of which disk is damaged. */
    Damage trees() {
        recheck();
        TreeCheck check = new TreeCheck(parts.segments, parts.index, findings, used);
        List<Root> broken = new ArrayList<>();
        Map<String, Root> snapshots = new HashMap<>();
        boolean areAllKnown = eachRoot(check, broken, snapshots);
        pages = check.pages();
        recordsMade = check.recordsMade();
        Map<String, List<Damage.ImageName>> images = images(snapshots, areAllKnown);
        return new DamagedDisks(findings, check).of(onlyThere(broken), images);
    }

    private boolean eachRoot(TreeCheck check, List<Root> broken, Map<String, Root> snapshots) {
        Set<String> brokenPending = new HashSet<>();
        try {
            parts.roots.forEach(
                    root -> {
                        if (root.kind() == Root.Kind.SNAPSHOT) {
                            snapshots.put(root.id(), root);
                        }
                        if (check.root(root)) {
                            broken.add(root);
                        }
                    },
                    (snapshot, account, domain, chunks) -> {
                        if (check.chunks(domain, chunks) && brokenPending.add(snapshot)) {
                            findings.problem("blocks of " + snapshot + ", which is being written, are damaged");
                        }
                    });
            return true;
        } catch (StoreException e) {
            requireCorrupt(e);
            findings.problem(e.getMessage());
            return false;
        }
    }

    /** Those that have not been removed while the others were looked at. */
    private List<Root> onlyThere(List<Root> broken) {
        if (broken.isEmpty()) {
            return broken;
        }
        Set<String> there = new HashSet<>();
        try {
            parts.roots.forEach(root -> there.add(root.kind() + root.id()), (snapshot, account, domain, chunks) -> {});
        } catch (StoreException e) {
            requireCorrupt(e);
            return broken;
        }
        return broken.stream().filter(root -> there.contains(root.kind() + root.id())).toList();
    }

    /** The images of each snapshot, whose digests are what their manifests say. */
    private Map<String, List<Damage.ImageName>> images(Map<String, Root> snapshots, boolean areAllKnown) {
        Map<String, List<Damage.ImageName>> images = new HashMap<>();
        parts.images.forEach(
                image -> {
                    Damage.ImageName name = new Damage.ImageName(image.id(), image.name(), image.owner());
                    for (ImageFacts.Disk disk : image.disks()) {
                        images.computeIfAbsent(disk.snapshot(), each -> new ArrayList<>()).add(name);
                        Root snapshot = snapshots.get(disk.snapshot());
                        if (snapshot != null && areAllKnown) {
                            requireSame(image, disk, snapshot);
                        }
                    }
                },
                findings::problem);
        return images;
    }

    private void requireSame(ImageFacts.Image image, ImageFacts.Disk disk, Root snapshot) {
        if (!disk.root().equals(snapshot.tree().digest()) || disk.sizeBytes() != snapshot.tree().sizeBytes()) {
            findings.problem("image " + image.id() + " was signed with root digest " + disk.root() + " for "
                    + disk.snapshot() + ", which has " + snapshot.tree().digest());
        }
    }

    private static void requireCorrupt(StoreException e) {
        if (e.fault() != CORRUPT) {
            throw e;
        }
    }
}
