package cairn.server.upload;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;

import cairn.Digest;
import cairn.StoreException;
import cairn.Text;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.server.account.Caller;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Lease;
import cairn.server.storage.StoredPages;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.RootDigest;
import cairn.tree.Tree;
import cairn.tree.TreeRoot;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes disks in. An upload may be left at any moment: what it has stored is found again by the next one of the same
 * account, which then sends only the rest. Safe for threads; holds a {@link Lease} for each upload in progress, which
 * is opened again when the server starts.
 */
public final class Uploads {
    /** How long an upload that nobody touches keeps what it has stored. */
    public static final Duration LEASE = Duration.ofHours(24);
    /** Uploads in progress that one account may have. */
    public static final int OPEN_MAX = 256;

    private static final Logger log = LoggerFactory.getLogger(Uploads.class);
    private static final String PREFIX = "upload/";
    private static final int ENTRIES_AT_ONCE = 1000;

    private final Catalog catalog;
    private final ChunkStore chunks;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();
    /** Uploads in progress, by the keys of their records; each lives until the record is gone. */
    private final Map<String, Held> inProgress = new ConcurrentHashMap<>();
    private final ThreadLocal<byte[]> plain = ThreadLocal.withInitial(() -> new byte[Chunk.SIZE_BYTES]);

    /** What an upload in progress relies on. */
    private static final class Held {
        private final Lease lease;
        /** At least so long; its record says how long. */
        private volatile Instant until;

        Held(Lease lease, Instant until) {
            this.lease = lease;
            this.until = until;
        }
    }

    public Uploads(Catalog catalog, ChunkStore chunks, Clock clock) {
        this.catalog = catalog;
        this.chunks = chunks;
        this.clock = clock;
        forEach(entry -> {
            Upload upload = UploadRecords.upload(entry);
            inProgress.put(entry.key(), new Held(chunks.lease(upload.floorSegment()), upload.leaseUntil()));
        });
    }

    private void forEach(Consumer<Catalog.Entry> visitor) {
        String last = "";
        List<Catalog.Entry> some;
        do {
            some = catalog.list(PREFIX, last, ENTRIES_AT_ONCE);
            for (Catalog.Entry entry : some) {
                visitor.accept(entry);
                last = entry.key();
            }
        } while (!some.isEmpty());
    }

    /**
     * Begins an upload. Where the account has {@link #OPEN_MAX} in progress, the one that was used longest ago ends.
     *
     * @throws StoreException INVALID_REQUEST for an odd size
     */
    public Upload start(Caller caller, long sizeBytes) {
        Tree.requireDiskSize(sizeBytes);
        makeRoomForAnother(caller);
        Instant now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        String id = String.format("up-%016x%x", random.nextLong(), random.nextInt(16));
        Lease lease = chunks.lease();
        Upload upload = new Upload(id, caller.account(), sizeBytes, now, now.plus(LEASE), lease.floorSegment());
        try {
            catalog.commit(List.of(new Change.PutIfAbsent(key(caller, id), UploadRecords.encode(upload))));
        } finally {
            // Only now, since a lease whose record is gone is taken for one that has ended.
            inProgress.put(key(caller, id), new Held(lease, upload.leaseUntil()));
            closeIfGone(key(caller, id));
        }
        return upload;
    }

    /**
     * Where there are too many, the one that was used longest ago ends. What it sent stays, and another one finds it.
     */
    private void makeRoomForAnother(Caller caller) {
        List<Catalog.Entry> open = catalog.list(prefix(caller), "", OPEN_MAX);
        while (open.size() == OPEN_MAX) {
            removeUnlessInUse(Collections.min(
                    open, Comparator.comparing(entry -> UploadRecords.upload(entry).leaseUntil())));
            open = catalog.list(prefix(caller), "", OPEN_MAX);
        }
    }

    /** @return whether it was removed: nobody has gone on with it since it was looked at, or has ended it */
    private boolean removeUnlessInUse(Catalog.Entry entry) {
        try {
            remove(entry);
            return true;
        } catch (StoreException e) {
            if (e.fault() != CONFLICT) {
                throw e;
            }
            log.info("{} is in use: {}", entry.key(), e.getMessage());
            return false;
        }
    }

    private void remove(Catalog.Entry entry) {
        catalog.commit(List.of(new Change.Delete(entry.key(), entry.version())));
        closeIfGone(entry.key());
    }

    /** A commit that has failed may have been made nonetheless, so the record is asked. */
    private void closeIfGone(String key) {
        Held held = inProgress.get(key);
        if (held != null && catalog.find(key).isEmpty()) {
            inProgress.remove(key, held);
            held.lease.close();
        }
    }

    /** @throws StoreException NOT_FOUND if the caller has no such upload in progress */
    public Upload read(Caller caller, String id) {
        return UploadRecords.upload(entry(caller, id));
    }

    private Catalog.Entry entry(Caller caller, String id) {
        return catalog.find(key(caller, id))
                .orElseThrow(() -> notFound(id));
    }

    private static StoreException notFound(String id) {
        return new StoreException(NOT_FOUND, "there is no upload " + Text.shown(id) + " in progress");
    }

    /**
     * Makes sure that the upload's lease has at least half its time left; to be called once for each batch of
     * {@link #put}.
     *
     * @throws StoreException NOT_FOUND if the caller has no such upload in progress
     */
    public void touch(Caller caller, String id) {
        Held held = held(caller, id);
        Instant now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        // Time that it had when its record was last looked at is not taken from it, so most batches need no look.
        if (held.until.isAfter(now.plus(LEASE.dividedBy(2)))) {
            return;
        }
        Catalog.Entry entry = entry(caller, id);
        try {
            Instant until = now.plus(LEASE);
            catalog.commit(List.of(new Change.PutIfVersion(
                    entry.key(), entry.version(), UploadRecords.encode(UploadRecords.upload(entry).renewed(until)))));
            held.until = until;
        } catch (StoreException e) {
            if (e.fault() != CONFLICT) {
                throw e;
            }
            // Another request of the same upload has just renewed it.
        }
    }

    /**
     * Tells which pages, and so all below them, the store has: those need not be asked for, or sent.
     *
     * @return a bit for each
     */
    public BitSet known(Caller caller, String id, List<PageId> pages) {
        touch(caller, id);
        Lease lease = lease(caller, id);
        BitSet known = new BitSet(pages.size());
        for (int i = 0; i < pages.size(); i++) {
            known.set(i, lease.contains(caller.domain(), ItemKey.of(pages.get(i))));
        }
        return known;
    }

    /**
     * Tells what the store lacks of some pages of level 0.
     *
     * @param answer made from whether a page is known, and else which of its children are missing
     */
    public <T> List<T> ask(Caller caller, String id, List<Page> pages, BiFunction<Boolean, BitSet, T> answer) {
        touch(caller, id);
        Lease lease = lease(caller, id);
        List<T> answers = new ArrayList<>();
        for (Page page : pages) {
            if (page.level() != 0) {
                throw new StoreException(INVALID_REQUEST, "page " + page.id() + " is not of level 0");
            }
            boolean isKnown = lease.contains(caller.domain(), ItemKey.of(page.id()));
            answers.add(answer.apply(isKnown, isKnown ? new BitSet() : missing(lease, caller.domain(), page)));
        }
        return answers;
    }

    /** @throws StoreException NOT_FOUND if it has ended */
    private Lease lease(Caller caller, String id) {
        return held(caller, id).lease;
    }

    private Held held(Caller caller, String id) {
        Held held = inProgress.get(key(caller, id));
        if (held == null) {
            throw notFound(id);
        }
        return held;
    }

    private BitSet missing(Lease lease, DomainId domain, Page page) {
        BitSet missing = new BitSet(Page.CHILDREN);
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            missing.set(slot, !page.isAbsent(slot) && !lease.contains(domain, ItemKey.of(page.chunk(slot))));
        }
        return missing;
    }

    /**
     * Keeps a chunk or a page.
     *
     * @throws StoreException NOT_FOUND if the caller has no such upload in progress; INVALID_REQUEST if it is not what
     *     its key names; CONFLICT if a page names a child that is not kept, which may have been lost since it was
     *     asked for; NO_SPACE
     */
    public void put(Caller caller, String id, PackedItem item) {
        Lease lease = lease(caller, id);
        if (item.key().kind() == ItemKey.CHUNK_KIND) {
            lease.putChunk(
                    caller.domain(), item.key(), item.bytes(), item.offset(), item.lengthBytes(), () -> prove(item));
        } else if (!lease.contains(caller.domain(), item.key())) {
            putPage(lease, caller.domain(), item);
        }
    }

    private void prove(PackedItem item) {
        byte[] bytes = plain.get();
        unpack(item, bytes, Chunk.SIZE_BYTES);
        ChunkId actual = Chunk.idOf(bytes, 0);
        if (actual.isAbsent()) {
            throw new StoreException(INVALID_REQUEST, item.key() + " is all zeros, which is never sent");
        }
        if (!ItemKey.of(actual).equals(item.key())) {
            throw new StoreException(INVALID_REQUEST, item.key() + " was sent with the bytes of chunk " + actual);
        }
    }

    private void putPage(Lease lease, DomainId domain, PackedItem item) {
        byte[] bytes = new byte[Page.SIZE_BYTES];
        unpack(item, bytes, Page.SIZE_BYTES);
        Page page;
        try {
            page = Page.decode(bytes);
        } catch (StoreException e) {
            throw new StoreException(INVALID_REQUEST, item.key() + ": " + e.getMessage(), e);
        }
        if (!ItemKey.of(page.id()).equals(item.key())) {
            throw new StoreException(INVALID_REQUEST, item.key() + " was sent with the bytes of page " + page.id());
        }
        Optional<ItemKey> missing =
                lease.putPage(domain, page, item.bytes(), item.offset(), item.lengthBytes());
        if (missing.isPresent()) {
            throw new StoreException(
                    CONFLICT, item.key() + " names " + missing.get()
                            + ", which is not here any more, perhaps because the server was restarted;"
                            + " push the disk again, and only the rest is sent");
        }
    }

    private static void unpack(PackedItem item, byte[] to, int plainBytes) {
        try {
            ChunkCodec.unpack(item.bytes(), item.offset(), item.lengthBytes(), to, 0, plainBytes);
        } catch (StoreException e) {
            throw new StoreException(INVALID_REQUEST, item.key() + ": " + e.getMessage(), e);
        }
    }

    /**
     * Makes what was uploaded readable and proves that it is a disk of the upload's size, each byte in its place.
     *
     * @param topPage zeros for a disk of zeros
     * @param root as the client computed it
     * @return the tree, for whom it may concern to commit, together with {@link #end}
     * @throws StoreException NOT_FOUND if the caller has no such upload in progress; INVALID_REQUEST if the pages do
     *     not make such a disk
     */
    public TreeRoot seal(Caller caller, String id, Digest topPage, RootDigest root) {
        Upload upload = read(caller, id);
        TreeRoot tree = TreeRoot.of(upload.sizeBytes(), topPage);
        if (!tree.digest().equals(root)) {
            throw new StoreException(
                    INVALID_REQUEST, "a disk of " + upload.sizeBytes() + " bytes with top page " + tree.top()
                            + " has root digest " + tree.digest() + ", not " + root);
        }
        chunks.seal();
        if (!tree.top().isAbsent() && !lease(caller, id).isReadable(caller.domain(), ItemKey.of(tree.top()))) {
            throw new StoreException(INVALID_REQUEST, "the top page " + tree.top() + " is not here; push again");
        }
        requireNothingBeyondTheEnd(caller.domain(), tree);
        return tree;
    }

    /** The change that ends an upload; then {@link #ended} is to be called. */
    public Change end(Caller caller, String id) {
        Catalog.Entry entry = entry(caller, id);
        return new Change.Delete(entry.key(), entry.version());
    }

    /** Lets go of what an upload relied on, if it has ended. */
    public void ended(Caller caller, String id) {
        closeIfGone(key(caller, id));
    }

    /** Ends an upload without an image; what it stored is garbage unless something else refers to it. */
    public void cancel(Caller caller, String id) {
        remove(entry(caller, id));
    }

    /** Ends uploads whose time is over: whoever comes later is told that there is none. @return how many */
    public int removeExpired() {
        Instant now = clock.instant();
        return removeAll(entry -> !now.isBefore(UploadRecords.upload(entry).leaseUntil()));
    }

    /** All uploads in progress, of all accounts. */
    public List<Upload> unfinished() {
        List<Upload> unfinished = new ArrayList<>();
        forEach(entry -> unfinished.add(UploadRecords.upload(entry)));
        return unfinished;
    }

    /** Ends all uploads of all accounts, so that what they have stored can be removed. @return how many */
    public int endAll() {
        return removeAll(entry -> true);
    }

    private int removeAll(Predicate<Catalog.Entry> isEnded) {
        List<Catalog.Entry> ended = new ArrayList<>();
        forEach(entry -> {
            if (isEnded.test(entry)) {
                ended.add(entry);
            }
        });
        int removed = 0;
        for (Catalog.Entry entry : ended) {
            removed += removeUnlessInUse(entry) ? 1 : 0;
        }
        inProgress.keySet().forEach(this::closeIfGone);
        return removed;
    }

    /** Pages and chunks on the disk's end must hold nothing behind it, or equal disks would have unequal digests. */
    private void requireNothingBeyondTheEnd(DomainId domain, TreeRoot tree) {
        long lastChunk = Chunk.count(tree.sizeBytes()) - 1;
        StoredPages pages = new StoredPages(chunks, domain);
        PageId id = tree.top();
        while (!id.isAbsent()) {
            Page page = pages.read(id);
            int lastSlot = (int) (lastChunk >>> 8 * page.level()) & Page.CHILDREN - 1;
            for (int slot = lastSlot + 1; slot < Page.CHILDREN; slot++) {
                if (!page.isAbsent(slot)) {
                    throw new StoreException(
                            INVALID_REQUEST, "page " + id + " has child " + slot + " behind the end of the disk");
                }
            }
            if (page.level() == 0) {
                requireZerosBehind(domain, page.chunk(lastSlot), tree.sizeBytes());
                return;
            }
            id = page.page(lastSlot);
        }
    }

    private void requireZerosBehind(DomainId domain, ChunkId id, long sizeBytes) {
        int tailBytes = (int) (sizeBytes % Chunk.SIZE_BYTES);
        if (tailBytes == 0 || id.isAbsent()) {
            return;
        }
        byte[] packed = chunks.read(domain, ItemKey.of(id));
        byte[] bytes = plain.get();
        ChunkCodec.unpack(packed, 0, packed.length, bytes, 0, Chunk.SIZE_BYTES);
        for (int i = tailBytes; i < Chunk.SIZE_BYTES; i++) {
            if (bytes[i] != 0) {
                throw new StoreException(
                        INVALID_REQUEST, "the last chunk, " + id + ", has bytes behind the end of the disk");
            }
        }
    }

    private static String prefix(Caller caller) {
        return PREFIX + caller.account() + '/';
    }

    private static String key(Caller caller, String id) {
        return prefix(caller) + id;
    }
}
