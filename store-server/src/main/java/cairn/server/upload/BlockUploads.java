package cairn.server.upload;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.CORRUPT;
import static cairn.Fault.FORBIDDEN;
import static cairn.Fault.INTERNAL;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.Sharing;
import cairn.server.image.Changes;
import cairn.server.image.PendingSnapshots;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotInProgress;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.SnapshotSettings;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Lease;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.PendingBlocks.Row;
import cairn.tree.TreeRoot;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes snapshots in block by block, in any order and by any number of writers, until their writer says that they are
 * complete. Pending ones survive a restart with every block that was answered; one that nobody writes to for its
 * timeout ends as failed.
 *
 * <p>A block's chunks go to the chunk store at once, under their ids; only which they are is kept beside, until the
 * tree is made. Safe for threads. In memory it holds a few hundred bytes for each pending snapshot, of which an account
 * has at most {@link #PENDING_MAX}, for as many of an account that have failed, and for each block that waits to be
 * synced.
 */
public final class BlockUploads implements PendingSnapshots, AutoCloseable {
    /** What an index names. */
    public static final int BLOCK_BYTES = PendingBlocks.CHUNKS_OF_BLOCK * Chunk.SIZE_BYTES;
    /** Snapshots that one account may be writing at a time, as AWS has it. */
    public static final int PENDING_MAX = 100;
    /** How long one that has failed is told of, if not {@link #PENDING_MAX} of its account have failed since. */
    static final Duration FAILED_KEPT = Duration.ofDays(7);

    /** What keys of pending snapshots' records begin with. */
    public static final String PREFIX = "block-upload/";

    private static final Logger log = LoggerFactory.getLogger(BlockUploads.class);
    private static final int ENTRIES_AT_ONCE = 1000;
    private static final int MAKERS = 2;
    private static final int SWEEP_SECONDS = 15;
    private static final int CLOSE_SECONDS = 30;
    /** What they do is short: they count a block, and its reply goes. */
    private static final int ANSWERERS = 2;

    private final Catalog catalog;
    private final ChunkStore chunks;
    private final PendingBlocks blocks;
    private final SnapshotRegistry completed;
    private final Clock clock;
    private final BlockCommitter committer;
    private final ExecutorService makers = Executors.newFixedThreadPool(MAKERS, daemons("snapshot-completion"));
    /** The one thread that syncs blocks serves all accounts: what follows from a block being safe is done elsewhere. */
    private final ExecutorService answerers = Executors.newFixedThreadPool(ANSWERERS, daemons("written-blocks"));
    private final ScheduledExecutorService sweeper =
            Executors.newSingleThreadScheduledExecutor(daemons("pending-snapshots"));
    private final Map<SnapshotId, Pending> pending = new ConcurrentHashMap<>();
    /** A lock for each account that has begun any. */
    private final Map<AccountId, Object> beginning = new ConcurrentHashMap<>();
    private final ThreadLocal<byte[]> packed =
            ThreadLocal.withInitial(() -> new byte[ChunkCodec.scratchBytes(Chunk.SIZE_BYTES)]);
    private volatile boolean isClosing;

    /** What has become of a snapshot whose writer says that it is complete. */
    public enum Outcome {
        COMPLETED,
        /** It never will be; {@link #find} says why. */
        FAILED
    }

    /** A snapshot and what goes on with it. Its own lock guards what changes, and is held over commits. */
    private static final class Pending {
        /** May be read without the lock. */
        private volatile PendingSnapshot snapshot;
        private final WrittenBlocks written;
        private long version;
        /** May be read without the lock. */
        private volatile boolean isGone;
        /** Null unless it is being completed. */
        private CompletableFuture<Outcome> completion;

        Pending(PendingSnapshot snapshot, long version, Instant lastUsedAt) {
            this.snapshot = snapshot;
            this.version = version;
            this.written = new WrittenBlocks(lastUsedAt);
        }

        boolean isOf(AccountId account) {
            return snapshot.owner().equals(account);
        }

        /** Only of one that has failed: it does so once. */
        Instant failedAt() {
            return snapshot.failure().orElseThrow().at();
        }

        boolean hasFailed() {
            return snapshot.failure().isPresent();
        }

        synchronized void requireWritable() {
            if (isGone) {
                throw notFound(snapshot.id());
            }
            if (hasFailed()) {
                throw new StoreException(CONFLICT, "snapshot " + snapshot.id() + " has failed: "
                        + snapshot.failure().get().why());
            }
            if (completion != null) {
                throw new StoreException(CONFLICT, "snapshot " + snapshot.id() + " is being completed");
            }
        }

        synchronized PendingSnapshot beginWriting(Instant now) {
            requireWritable();
            written.begin(now);
            return snapshot;
        }

        SnapshotInProgress seen() {
            PendingSnapshot now = snapshot;
            return new SnapshotInProgress(
                    now.id(),
                    now.owner(),
                    now.region(),
                    Optional.empty(),
                    now.parent(),
                    now.sizeBytes(),
                    now.description(),
                    now.tags(),
                    now.settings(),
                    now.startedAt(),
                    written.count() * BLOCK_BYTES,
                    written.progressPercent(),
                    now.failure().map(PendingSnapshot.Failure::why));
        }
    }

    /** Goes on with what was being written, or made, when the server ended. */
    public BlockUploads(
            Catalog catalog, ChunkStore chunks, PendingBlocks blocks, SnapshotRegistry completed, Clock clock) {
        this.catalog = catalog;
        this.chunks = chunks;
        this.blocks = blocks;
        this.completed = completed;
        this.clock = clock;
        readPending();
        removeLeftovers();
        this.committer = new BlockCommitter(chunks, blocks);
        pending.values().stream().filter(each -> each.snapshot.isCompleting()).forEach(this::resume);
        sweeper.scheduleWithFixedDelay(this::sweepOrWarn, SWEEP_SECONDS, SWEEP_SECONDS, TimeUnit.SECONDS);
    }

    /**
     * What a pending snapshot keeps.
     *
     * @param number by which its rows are kept
     * @param domain where the chunks that its rows name are found
     * @param base what it shows where no block was written
     */
    public record Kept(
            SnapshotId id,
            AccountId owner,
            Region region,
            long sizeBytes,
            long number,
            DomainId domain,
            Optional<KeptTree> base) {}

    /** A tree, and where it is found. */
    public record KeptTree(DomainId domain, TreeRoot root) {}

    /** What the snapshot of a record keeps; nothing if it has failed. @throws StoreException CORRUPT, naming the key */
    public static Optional<Kept> kept(Catalog.Entry entry) {
        PendingSnapshot snapshot = PendingRecords.decode(entry);
        if (snapshot.failure().isPresent()) {
            return Optional.empty();
        }
        return Optional.of(new Kept(
                snapshot.id(),
                snapshot.owner(),
                snapshot.region(),
                snapshot.sizeBytes(),
                snapshot.number(),
                snapshot.domain(),
                snapshot.base().map(base -> new KeptTree(base.domain(), base.root()))));
    }

    private static ThreadFactory daemons(String name) {
        return task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        };
    }

    private void readPending() {
        Instant now = now();
        String last = "";
        List<Catalog.Entry> some;
        do {
            some = catalog.list(PREFIX, last, ENTRIES_AT_ONCE);
            for (Catalog.Entry entry : some) {
                PendingSnapshot snapshot = PendingRecords.decode(entry);
                pending.put(snapshot.id(), new Pending(snapshot, entry.version(), now));
                last = entry.key();
            }
        } while (!some.isEmpty());
    }

    /** Rows are removed after their snapshot's record has changed, or not, where the server ended just then. */
    private void removeLeftovers() {
        Set<Long> wanted = new TreeSet<>();
        pending.values().stream()
                .filter(each -> each.snapshot.failure().isEmpty())
                .forEach(each -> wanted.add(each.snapshot.number()));
        List<Long> leftovers = new ArrayList<>();
        blocks.forEachSnapshot(number -> {
            if (!wanted.contains(number)) {
                leftovers.add(number);
            }
        });
        leftovers.forEach(blocks::remove);
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    /**
     * Begins a snapshot.
     *
     * @param others makes changes, of the new id, that are to be made if and only if the snapshot is begun
     * @throws StoreException NOT_FOUND or FORBIDDEN for a parent that the caller may not read; INVALID_REQUEST if the
     *     parent is larger; CONFLICT if the account is writing {@link #PENDING_MAX} already, or another change finds
     *     that its condition does not hold
     */
    public SnapshotInProgress start(
            Caller caller, NewBlockSnapshot wanted, Function<SnapshotId, List<Change>> others) {
        requireOpen();
        Optional<Snapshot> parent = wanted.parent().map(id -> completed.read(caller, Right.READ, id));
        parent.ifPresent(each -> requireRoom(each, wanted));
        PendingSnapshot snapshot = new PendingSnapshot(
                newId(),
                caller.account(),
                caller.region(),
                caller.domain(),
                wanted.sizeGib(),
                wanted.parent(),
                parent.map(each -> new PendingSnapshot.Base(each.root(), each.domain())),
                wanted.description(),
                wanted.tags(),
                wanted.timeout(),
                now(),
                settings(wanted, parent),
                false,
                Optional.empty());
        Pending begun = new Pending(snapshot, 1, snapshot.startedAt());
        enter(caller, begun, () -> {
            List<Change> changes = new ArrayList<>(others.apply(snapshot.id()));
            changes.add(new Change.PutIfAbsent(key(snapshot.id()), PendingRecords.encode(snapshot)));
            snapshot.parent().ifPresent(id -> changes.add(parentThere(caller, id)));
            return changes;
        });
        return begun.seen();
    }

    /** The parent's tree is this one's base, so the parent is to be there until that is written down. */
    private Change parentThere(Caller caller, SnapshotId parent) {
        Change required = completed.requiring(parent);
        completed.read(caller, Right.READ, parent);
        return required;
    }

    private static void requireRoom(Snapshot parent, NewBlockSnapshot wanted) {
        if (parent.root().sizeBytes() > (long) wanted.sizeGib() << 30) {
            throw new StoreException(INVALID_REQUEST, "parent snapshot " + parent.id() + " has "
                    + parent.root().sizeBytes() + " bytes, more than " + wanted.sizeGib() + " GiB");
        }
    }

    /** Encryption follows the parent. */
    private static SnapshotSettings settings(NewBlockSnapshot wanted, Optional<Snapshot> parent) {
        return parent.map(Snapshot::settings)
                .filter(SnapshotSettings::isEncrypted)
                .map(settings -> SnapshotSettings.of(settings.encryption()))
                .orElse(wanted.settings());
    }

    /** An id whose blocks are nobody else's. */
    private SnapshotId newId() {
        SnapshotId id = completed.newId();
        while (!blocks.list(PendingSnapshot.number(id), 0, 1).isEmpty()) {
            id = completed.newId();
        }
        return id;
    }

    /** One by one for an account, whose commits others need not wait for. */
    private void enter(Caller caller, Pending begun, Supplier<List<Change>> changes) {
        synchronized (beginning.computeIfAbsent(caller.account(), account -> new Object())) {
            long already = pending.values().stream()
                    .filter(each -> each.isOf(caller.account()) && !each.hasFailed())
                    .count();
            if (already >= PENDING_MAX) {
                throw new StoreException(CONFLICT, "account " + caller.account() + " is writing " + already
                        + " snapshots, no more than " + PENDING_MAX + " at a time");
            }
            Changes.commit(catalog, changes);
            pending.put(begun.snapshot.id(), begun);
        }
    }

    /**
     * Keeps a block, in place of one that was written before. Where two write the same one at a time, either stays,
     * whole.
     *
     * @param block {@link #BLOCK_BYTES}; not looked at any more when this returns
     * @param checksum its SHA-256
     * @param progressPercent how much of the whole is written, if the writer says so
     * @return done once the block survives a crash; it may be written again where this fails
     * @throws StoreException NOT_FOUND, FORBIDDEN; INVALID_REQUEST if the index is not below the size, or the checksum
     *     is another; CONFLICT if the snapshot is complete, being completed, or has failed; UNAVAILABLE if too much is
     *     being written; NO_SPACE
     */
    public CompletableFuture<Void> putBlock(
            Caller caller, SnapshotId id, int blockIndex, byte[] block, Digest checksum, Optional<Integer> progressPercent) {
        Pending target = read(caller, id);
        PendingSnapshot snapshot = target.beginWriting(now());
        CompletableFuture<Void> written;
        Lease lease = chunks.lease();
        try {
            requireBlock(snapshot, blockIndex, block, checksum);
            Row row = new Row(snapshot.number(), blockIndex, store(lease, snapshot.domain(), block), checksum);
            written = committer.commit(snapshot.domain(), row);
        } catch (RuntimeException | Error e) {
            lease.close();
            target.written.end(false, now());
            throw e;
        }
        progressPercent.ifPresent(target.written::setProgress);
        // Counted by whoever ends it, so that it is counted whatever becomes of the answer.
        return written.whenComplete((done, failure) -> {
                    lease.close();
                    target.written.end(failure == null, now());
                })
                .whenCompleteAsync((done, failure) -> {}, answerers);
    }

    private static void requireBlock(PendingSnapshot snapshot, int blockIndex, byte[] block, Digest checksum) {
        if (blockIndex < 0 || blockIndex >= snapshot.blockCount()) {
            throw new StoreException(INVALID_REQUEST, "snapshot " + snapshot.id() + " of " + snapshot.sizeGib()
                    + " GiB has blocks 0 to " + (snapshot.blockCount() - 1) + ", not " + blockIndex);
        }
        if (block.length != BLOCK_BYTES) {
            throw new StoreException(INVALID_REQUEST, "a block has " + BLOCK_BYTES + " bytes, not " + block.length);
        }
        if (!Digest.of(block).equals(checksum)) {
            throw new StoreException(INVALID_REQUEST, "block " + blockIndex + " is not what its checksum says");
        }
    }

    private List<ChunkId> store(Lease lease, DomainId domain, byte[] block) {
        List<ChunkId> ids = new ArrayList<>(PendingBlocks.CHUNKS_OF_BLOCK);
        for (int at = 0; at < BLOCK_BYTES; at += Chunk.SIZE_BYTES) {
            ChunkId id = Chunk.idOf(block, at);
            if (!id.isAbsent() && !lease.contains(domain, ItemKey.of(id))) {
                int packedBytes = ChunkCodec.pack(Codec.LZ4, block, at, Chunk.SIZE_BYTES, packed.get(), 0);
                lease.putChunk(domain, ItemKey.of(id), packed.get(), 0, packedBytes);
            }
            ids.add(id);
        }
        return ids;
    }

    /**
     * Ends the writing of a snapshot. May be asked again: of one that is being completed all get the same answer, one
     * that is completed, or has failed, is.
     *
     * @param changedBlocks how many different blocks were written
     * @param checksum SHA-256 of all their checksums, each 32 bytes, in the order of their indices
     * @return done once the snapshot is completed, or not; fails with INVALID_REQUEST if other blocks were written, or
     *     with NO_SPACE; then it is pending as before
     * @throws StoreException NOT_FOUND, FORBIDDEN
     */
    public CompletableFuture<Outcome> complete(
            Caller caller, SnapshotId id, long changedBlocks, Optional<Digest> checksum) {
        Optional<Pending> found = findPending(caller, id);
        return found.flatMap(target -> complete(target, changedBlocks, checksum)).orElseGet(() -> {
            completed.read(caller, Right.MANAGE, id);
            return CompletableFuture.completedFuture(Outcome.COMPLETED);
        });
    }

    /** Nothing if it is no longer pending. */
    private Optional<CompletableFuture<Outcome>> complete(
            Pending target, long changedBlocks, Optional<Digest> checksum) {
        synchronized (target) {
            if (target.isGone) {
                return Optional.empty();
            }
            if (target.snapshot.failure().isPresent()) {
                return Optional.of(CompletableFuture.completedFuture(Outcome.FAILED));
            }
            if (target.completion == null) {
                requireOpen();
                begin(target, () -> requireWritten(target, changedBlocks, checksum));
            }
            return Optional.of(target.completion.copy());
        }
    }

    private void resume(Pending target) {
        synchronized (target) {
            begin(target, () -> {});
        }
    }

    private void begin(Pending target, Runnable check) {
        CompletableFuture<Outcome> completion = new CompletableFuture<>();
        target.completion = completion;
        makers.execute(() -> {
            try {
                check.run();
                make(target);
                completion.complete(Outcome.COMPLETED);
            } catch (RuntimeException | Error e) {
                giveUp(target, e);
                completion.completeExceptionally(e);
            }
        });
    }

    /** From here on the server itself sees to it that the snapshot is completed. */
    private void requireWritten(Pending target, long changedBlocks, Optional<Digest> checksum) {
        target.written.await();
        new BlockTree(chunks, blocks, target.snapshot, this::requireOpen).requireWritten(changedBlocks, checksum);
        synchronized (target) {
            change(target, target.snapshot.completing(true));
        }
    }

    private void make(Pending target) {
        try (Lease lease = chunks.lease()) {
            commit(target, new BlockTree(chunks, blocks, target.snapshot, this::requireOpen).make(lease));
        }
        pending.remove(target.snapshot.id());
        removeRows(target);
    }

    private void commit(Pending target, TreeRoot tree) {
        synchronized (target) {
            PendingSnapshot written = target.snapshot;
            Snapshot snapshot = new Snapshot(
                    written.id(),
                    written.owner(),
                    written.region(),
                    written.domain(),
                    tree,
                    written.parent(),
                    written.startedAt(),
                    written.description(),
                    Optional.empty(),
                    Sharing.NONE,
                    written.settings().withCompletedAt(now()),
                    written.tags());
            Change kept = SnapshotRegistry.keep(snapshot);
            boolean isCommitted =
                    commit(target, version -> List.of(kept, new Change.Delete(key(written.id()), version)));
            target.isGone = true;
            if (!isCommitted && catalog.find(kept.key()).isEmpty()) {
                throw notFound(written.id());
            }
        }
    }

    /**
     * What can be tried again is pending as before, and what failed by a fault of ours can be: no block that was
     * answered is given up for it. The server's end leaves it to the next start.
     */
    private void giveUp(Pending target, Throwable failure) {
        Fault fault = Fault.of(failure);
        if (fault == SHUTTING_DOWN) {
            return;
        }
        SnapshotId id = target.snapshot.id();
        if (fault == INTERNAL) {
            log.error("snapshot {} could not be completed", id, failure);
        } else if (fault != INVALID_REQUEST) {
            log.warn("snapshot {} could not be completed: {}", id, failure.getMessage());
        }
        try {
            synchronized (target) {
                target.completion = null;
                target.written.touch(now());
                if (fault == CORRUPT) {
                    fail(target, failure.getMessage());
                } else if (target.snapshot.isCompleting()) {
                    change(target, target.snapshot.completing(false));
                }
            }
        } catch (RuntimeException e) {
            log.warn("snapshot {} is tried again at the next start: {}", id, e.getMessage());
        }
    }

    private void fail(Pending target, String why) {
        change(target, target.snapshot.failed(new PendingSnapshot.Failure(why, now())));
        removeRows(target);
    }

    private void change(Pending target, PendingSnapshot changed) {
        boolean isCommitted = commit(target, version -> List.of(
                new Change.PutIfVersion(key(changed.id()), version, PendingRecords.encode(changed))));
        if (!isCommitted) {
            target.isGone = true;
            pending.remove(changed.id());
            throw notFound(changed.id());
        }
        target.version++;
        target.snapshot = changed;
    }

    /**
     * Commits a change of a record that nobody else changes; so where it is another than expected, an earlier commit
     * that was said to have failed has been made nonetheless.
     *
     * @param changes for the version that is stored
     * @return false if the record is gone, for that reason
     */
    private boolean commit(Pending target, LongFunction<List<Change>> changes) {
        try {
            catalog.commit(changes.apply(target.version));
            return true;
        } catch (StoreException e) {
            if (e.fault() != CONFLICT) {
                throw e;
            }
            Optional<Catalog.Entry> stored = catalog.find(key(target.snapshot.id()));
            if (stored.isEmpty()) {
                return false;
            }
            if (stored.get().version() == target.version) {
                throw e;
            }
            target.version = stored.get().version();
            catalog.commit(changes.apply(target.version));
            return true;
        }
    }

    private void removeRows(Pending target) {
        try {
            blocks.remove(target.snapshot.number());
        } catch (StoreException e) {
            log.warn("the blocks of snapshot {} are removed at the next start: {}", target.snapshot.id(), e.getMessage());
        }
    }

    private void sweepOrWarn() {
        try {
            sweep();
        } catch (RuntimeException e) {
            log.warn("pending snapshots are looked through later: {}", e.getMessage());
        }
    }

    /** Fails those that nobody has written to for their timeout, and forgets those that failed long ago. */
    void sweep() {
        pending.values().forEach(this::expire);
        pending.values().stream()
                .filter(Pending::hasFailed)
                .collect(Collectors.groupingBy(each -> each.snapshot.owner()))
                .values()
                .forEach(this::forgetOldest);
    }

    /** @param failed of one account */
    private void forgetOldest(List<Pending> failed) {
        failed.stream()
                .sorted(Comparator.comparing(Pending::failedAt).reversed())
                .skip(PENDING_MAX)
                .forEach(each -> {
                    synchronized (each) {
                        if (!each.isGone) {
                            remove(each);
                        }
                    }
                });
    }

    private void expire(Pending target) {
        synchronized (target) {
            if (target.isGone || target.completion != null || target.written.areOnTheirWay()) {
                return;
            }
            Instant now = now();
            PendingSnapshot snapshot = target.snapshot;
            if (snapshot.failure().isEmpty() && !now.isBefore(target.written.lastUsedAt().plus(snapshot.timeout()))) {
                fail(target, "no block was written for " + snapshot.timeout().toMinutes() + " minutes");
            } else if (snapshot.failure().isPresent()
                    && now.isAfter(snapshot.failure().get().at().plus(FAILED_KEPT))) {
                remove(target);
            }
        }
    }

    private void remove(Pending target) {
        commit(target, version -> List.of(new Change.Delete(key(target.snapshot.id()), version)));
        target.isGone = true;
        pending.remove(target.snapshot.id());
        removeRows(target);
    }

    private Pending read(Caller caller, SnapshotId id) {
        Optional<Pending> found = findPending(caller, id);
        if (found.isEmpty()) {
            completed.read(caller, Right.MANAGE, id);
            throw new StoreException(CONFLICT, "snapshot " + id + " is completed");
        }
        return found.get();
    }

    private Optional<Pending> findPending(Caller caller, SnapshotId id) {
        Pending found = pending.get(id);
        if (found == null || !Access.may(caller, Right.SEE, found.snapshot)) {
            return Optional.empty();
        }
        if (!Access.may(caller, Right.MANAGE, found.snapshot)) {
            throw new StoreException(FORBIDDEN, id + " belongs to another account");
        }
        expire(found);
        return Optional.of(found);
    }

    private static StoreException notFound(SnapshotId id) {
        return new StoreException(NOT_FOUND, "there is no snapshot " + id);
    }

    @Override
    public Optional<SnapshotInProgress> find(Caller caller, SnapshotId id) {
        return findPending(caller, id).filter(each -> !each.isGone).map(Pending::seen);
    }

    @Override
    public List<SnapshotInProgress> list(Caller caller) {
        return pending.values().stream()
                .filter(each -> Access.may(caller, Right.SEE, each.snapshot))
                .map(Pending::seen)
                .toList();
    }

    @Override
    public boolean tag(Caller caller, SnapshotId id, UnaryOperator<Map<String, String>> change) {
        Optional<Pending> found = findPending(caller, id);
        if (found.isEmpty()) {
            return false;
        }
        synchronized (found.get()) {
            if (found.get().isGone) {
                return false;
            }
            PendingSnapshot before = found.get().snapshot;
            change(found.get(), before.withTags(change.apply(before.tags())));
            return true;
        }
    }

    /** Gives up one that is being written; its blocks are forgotten. One that is being completed cannot be given up. */
    @Override
    public boolean forget(Caller caller, SnapshotId id) {
        Optional<Pending> found = findPending(caller, id);
        if (found.isEmpty()) {
            return false;
        }
        Pending target = found.get();
        synchronized (target) {
            if (target.isGone) {
                return false;
            }
            if (target.completion != null) {
                throw new StoreException(CONFLICT, "snapshot " + id + " is being completed");
            }
            if (target.snapshot.failure().isEmpty()) {
                change(target, target.snapshot.failed(new PendingSnapshot.Failure("it was given up", now())));
            }
            // No block comes any more, and those on their way are awaited, so that no row is left behind.
            target.written.await();
            if (!target.isGone) {
                remove(target);
            }
            return true;
        }
    }

    private void requireOpen() {
        if (isClosing) {
            throw new StoreException(SHUTTING_DOWN, "the server is going down");
        }
    }

    private static String key(SnapshotId id) {
        return PREFIX + id;
    }

    /** Keeps the blocks that wait, and leaves what is being completed to the next start. */
    @Override
    public void close() {
        isClosing = true;
        sweeper.shutdown();
        committer.close();
        answerers.shutdown();
        makers.shutdown();
        try {
            // Those that wrote the last blocks are told before their connections end.
            if (!answerers.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                log.warn("not all who wrote blocks were answered");
            }
            if (!makers.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                log.warn("a snapshot is still being completed; it is completed at the next start");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
