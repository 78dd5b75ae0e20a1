package cairn.server.image;

import static cairn.server.image.VolumeWorld.MIB;
import static cairn.server.image.VolumeWorld.ROOT;
import static cairn.server.image.VolumeWorld.THEM;
import static cairn.server.image.VolumeWorld.US;
import static cairn.server.image.VolumeWorld.assertFault;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.StoreKey;
import cairn.image.VolumeId;
import cairn.server.SetClock;
import cairn.server.account.Access.Right;
import cairn.server.account.AccountSettings.SnapshotBlock;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.account.Retention;
import cairn.server.account.RetentionRules;
import cairn.server.account.Sharing;
import cairn.server.image.SnapshotLock.Mode;
import cairn.server.image.SnapshotLock.State;
import cairn.server.image.SnapshotLock.Wanted;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.TestDisk;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SnapshotRegistryTest {
    private static final Region FAR = new Region("far-1");
    private static final NewSnapshotCopy PLAIN = new NewSnapshotCopy("a copy", Map.of(), Encryption.Choice.PLAIN);

    private final MemoryStorage storage = new MemoryStorage();
    private final ChunkStore chunks = new ChunkStore(storage.segments(), storage.index());
    private final SetClock clock = new SetClock();
    private final AccountSettingsRegistry settings = new AccountSettingsRegistry(storage.catalog());
    private final RetentionRules rules = new RetentionRules(storage.catalog(), clock);
    private final SnapshotRegistry snapshots = new SnapshotRegistry(storage.catalog(), settings, rules, clock);
    private final ImageRegistry images =
            new ImageRegistry(storage.catalog(), snapshots, new StoreKey(new byte[32]), clock);
    private final TestDisk disk = TestDisk.random(1, MIB);
    private final SnapshotId id = newSnapshot();

    @AfterEach
    void close() {
        storage.close();
    }

    /** Of our disk, which no image names. */
    private SnapshotId newSnapshot() {
        Snapshot snapshot = new Snapshot(
                snapshots.newId(),
                US.account(),
                US.region(),
                US.domain(),
                disk.put(chunks, US.domain()),
                Optional.empty(),
                clock.instant(),
                "",
                Optional.of(new VolumeId("vol-00000000000000001")),
                Sharing.NONE,
                SnapshotSettings.completed(false, Optional.empty(), clock.instant()),
                Map.of("env", "prod"));
        storage.catalog().commit(List.of(SnapshotRegistry.keep(snapshot)));
        return snapshot.id();
    }

    private static Wanted governance(int days) {
        return new Wanted(Mode.GOVERNANCE, Optional.empty(), Optional.of(days), Optional.empty());
    }

    private static Wanted compliance(int days, Integer coolOffHours) {
        return new Wanted(
                Mode.COMPLIANCE, Optional.ofNullable(coolOffHours), Optional.of(days), Optional.empty());
    }

    private State state() {
        return snapshots.read(US, Right.SEE, id).settings().lock().orElseThrow().state(clock.instant());
    }

    private void keepRemoved(int days) {
        rules.create(US, new RetentionRules.NewRule(
                Retention.Kind.SNAPSHOT, days, "", List.of(), List.of(), Optional.empty(), Map.of()));
    }

    private void share(Sharing sharing) {
        snapshots.change(US, id, each -> each.with(sharing));
    }

    @Test
    void aCopyIsItsMakersHasTheSameContentAndMovesNothing() {
        share(new Sharing(false, Set.of(THEM.account())));
        long stored = storage.index().count(ItemKey.CHUNK_KIND);

        Snapshot copy = snapshots.copy(THEM.in(FAR), id, Region.LOCAL, PLAIN, made -> List.of());

        Snapshot source = snapshots.read(US, Right.SEE, id);
        assertEquals(source.root(), copy.root());
        assertEquals(source.domain(), copy.domain());
        assertEquals(stored, storage.index().count(ItemKey.CHUNK_KIND));
        assertEquals(THEM.account(), copy.owner());
        assertEquals(FAR, copy.region());
        assertEquals(Map.of(), copy.tags());
        assertEquals(
                Optional.of(new SnapshotSettings.CopySource(id, Region.LOCAL)),
                snapshots.read(THEM.in(FAR), Right.READ, copy.id()).settings().copyOf());
        assertFault(Fault.NOT_FOUND, () -> snapshots.read(THEM, Right.SEE, copy.id()));
        assertFault(Fault.NOT_FOUND, () -> snapshots.read(US.in(FAR), Right.SEE, copy.id()));
    }

    @Test
    void aCopyOfWhatIsEncryptedIsEncryptedAndAStrangersSnapshotIsNotThereToCopy() {
        snapshots.change(US, id, each ->
                each.with(SnapshotSettings.completed(true, Optional.of("ours"), clock.instant())));

        Snapshot copy = snapshots.copy(US, id, Region.LOCAL, PLAIN, made -> List.of());

        assertTrue(copy.settings().isEncrypted());
        assertEquals(Optional.of("ours"), copy.settings().keyId());
        assertFault(Fault.NOT_FOUND, () -> snapshots.copy(THEM, id, Region.LOCAL, PLAIN, made -> List.of()));
        assertFault(Fault.NOT_FOUND, () -> snapshots.copy(US, id, FAR, PLAIN, made -> List.of()));
    }

    @Test
    void aGovernanceLockKeepsFromDeletionUntilItExpiresOrIsTakenOff() {
        snapshots.lock(US, id, governance(10));

        assertEquals(State.GOVERNANCE, state());
        assertFault(Fault.CONFLICT, () -> snapshots.remove(US, id));
        assertFault(Fault.CONFLICT, () -> snapshots.remove(ROOT, id));
        snapshots.unlock(US, id);
        assertFault(Fault.CONFLICT, () -> snapshots.unlock(US, id));
        snapshots.lock(US, id, governance(10));
        snapshots.lock(US, id, governance(2));
        clock.forward(Duration.ofDays(2));
        assertEquals(State.EXPIRED, state());
        snapshots.remove(US, id);
        assertEquals(Optional.empty(), snapshots.find(US, id));
    }

    @Test
    void aComplianceLockCoolsOffAndCanThenOnlyBeMadeLonger() {
        snapshots.lock(US, id, compliance(10, 3));

        assertEquals(State.COMPLIANCE_COOLOFF, state());
        snapshots.lock(US, id, compliance(5, 2));
        snapshots.lock(US, id, governance(5));
        snapshots.lock(US, id, compliance(5, 2));
        clock.forward(Duration.ofHours(2));
        assertEquals(State.COMPLIANCE, state());
        assertFault(Fault.CONFLICT, () -> snapshots.unlock(US, id));
        assertFault(Fault.CONFLICT, () -> snapshots.lock(US, id, governance(50)));
        assertFault(Fault.CONFLICT, () -> snapshots.lock(US, id, compliance(4, null)));
        assertFault(Fault.CONFLICT, () -> snapshots.lock(US, id, compliance(50, 1)));
        snapshots.lock(US, id, compliance(6, null));
        clock.forward(Duration.ofDays(5));
        assertEquals(State.COMPLIANCE, state());
        assertFault(Fault.CONFLICT, () -> snapshots.remove(ROOT, id));
        clock.forward(Duration.ofDays(1));
        snapshots.remove(US, id);
    }

    @Test
    void aLockMayExpireOnADate() {
        Instant date = clock.instant().plus(Duration.ofDays(3)).plusSeconds(1);

        SnapshotLock lock = snapshots.lock(
                        US, id, new Wanted(Mode.COMPLIANCE, Optional.empty(), Optional.empty(), Optional.of(date)))
                .settings()
                .lock()
                .orElseThrow();

        assertEquals(date, lock.expiresAt());
        assertEquals(4, lock.durationDays());
        for (Duration wrong : List.of(Duration.ofHours(23), Duration.ofDays(SnapshotLock.DURATION_DAYS_MAX + 1))) {
            assertFault(Fault.INVALID_REQUEST, () -> snapshots.lock(US, id, new Wanted(
                    Mode.COMPLIANCE, Optional.empty(), Optional.empty(), Optional.of(clock.instant().plus(wrong)))));
        }
    }

    @Test
    void whatFitsNoLockIsRefused() {
        assertFault(Fault.INVALID_REQUEST, () -> governance(0));
        assertFault(Fault.INVALID_REQUEST, () -> governance(SnapshotLock.DURATION_DAYS_MAX + 1));
        assertFault(Fault.INVALID_REQUEST, () -> compliance(5, 0));
        assertFault(Fault.INVALID_REQUEST, () -> compliance(5, 73));
        assertFault(Fault.INVALID_REQUEST, () -> new Wanted(
                Mode.GOVERNANCE, Optional.of(2), Optional.of(5), Optional.empty()));
        assertFault(Fault.INVALID_REQUEST, () -> new Wanted(
                Mode.GOVERNANCE, Optional.empty(), Optional.empty(), Optional.empty()));
        assertFault(Fault.INVALID_REQUEST, () -> new Wanted(
                Mode.GOVERNANCE, Optional.empty(), Optional.of(5), Optional.of(clock.instant())));
    }

    @Test
    void whatIsArchivedIsNotReadUntilItIsRestoredForATimeOrForGood() {
        snapshots.archive(US, id);

        for (Right right : List.of(Right.READ, Right.LAUNCH, Right.COPY)) {
            assertFault(Fault.CONFLICT, () -> snapshots.read(US, right, id));
        }
        assertFault(Fault.CONFLICT, () -> images.disk(ROOT, Right.READ, id.value()));
        assertFault(Fault.CONFLICT, () -> snapshots.archive(US, id));
        snapshots.restore(US, id, Optional.of(2));
        assertEquals(disk.root(), images.disk(US, Right.READ, id.value()).root());
        clock.forward(Duration.ofDays(2));
        assertFault(Fault.CONFLICT, () -> images.disk(US, Right.READ, id.value()));
        assertEquals(
                Archival.Action.ARCHIVE,
                snapshots.read(US, Right.SEE, id).settings().archival().orElseThrow().at(clock.instant()).last());
        assertFault(Fault.INVALID_REQUEST, () -> snapshots.restore(US, id, Optional.of(181)));
        snapshots.restore(US, id, Optional.empty());
        clock.forward(Duration.ofDays(1000));
        assertEquals(disk.root(), images.disk(US, Right.READ, id.value()).root());
        assertFault(Fault.CONFLICT, () -> snapshots.restore(US, id, Optional.empty()));
    }

    @Test
    void anArchivedSnapshotIsNotReadThroughItsImageEither() {
        RegisteredImage image = images.register(
                US,
                NewImage.of(new ImageName("debian")),
                disk.put(chunks, US.domain()),
                Encryption.Choice.PLAIN,
                List.of());
        SnapshotId root = image.manifest().root().snapshot();
        assertFault(Fault.CONFLICT, () -> snapshots.archive(US, root));
        new ImageLifecycle(images, clock).disable(US, image.id());
        snapshots.archive(US, root);

        assertFault(Fault.CONFLICT, () -> images.disk(US, Right.READ, image.id().value()));
    }

    @Test
    void whatWentIntoTheRecycleBinMeanwhileIsNotChanged() {
        keepRemoved(3);

        assertFault(Fault.NOT_FOUND, () -> snapshots.change(US, id, each -> {
            // Somebody else removes it between the read and the change.
            if (snapshots.find(US, id).isPresent()) {
                snapshots.remove(US, id);
            }
            return each.withTags(Map.of());
        }));

        assertEquals(Map.of("env", "prod"), snapshots.readRecycled(US, id).tags());
    }

    @Test
    void whatIsLockedIsNotRemovedFromTheRecycleBinEither() {
        keepRemoved(3);
        SnapshotId locked = newSnapshot();
        snapshots.lock(US, locked, governance(10));
        Recycled recycled = new Recycled(clock.instant(), clock.instant().plus(Duration.ofDays(1)));
        snapshots.changeRecord(locked, each -> each.with(each.settings().withRecycled(Optional.of(recycled))));
        snapshots.remove(US, id);
        clock.forward(Duration.ofDays(4));

        assertEquals(1, snapshots.removeExpired());
        assertTrue(storage.catalog().find(SnapshotRegistry.key(locked)).isPresent());
    }

    @Test
    void whatIsEncryptedDoesNotBecomePublicNorAnImageOfIt() {
        RegisteredImage image = images.register(
                US,
                NewImage.of(new ImageName("secret")),
                disk.put(chunks, US.domain()),
                new Encryption.Choice(true, Optional.empty()),
                List.of());
        Sharing all = new Sharing(true, Set.of());

        assertFault(Fault.CONFLICT, () -> images.change(US, image.id(), each -> each.with(all)));
        assertFault(Fault.CONFLICT, () ->
                snapshots.change(US, image.manifest().root().snapshot(), each -> each.with(all)));
    }

    @Test
    void whatIsRemovedLiesInTheRecycleBinAsLongAsARuleSays() {
        keepRemoved(3);
        snapshots.remove(US, id);

        assertEquals(Optional.empty(), snapshots.find(US, id));
        assertEquals(List.of(), snapshots.list(ROOT, "", 10));
        assertFault(Fault.NOT_FOUND, () -> images.disk(US, Right.READ, id.value()));
        assertFault(Fault.NOT_FOUND, () -> snapshots.remove(US, id));
        assertEquals(List.of(id), snapshots.recycled(US, "").map(Snapshot::id).toList());
        assertEquals(0, snapshots.recycled(THEM, "").count());
        assertFault(Fault.NOT_FOUND, () -> snapshots.takeBack(THEM, id));
        assertFault(Fault.NOT_FOUND, () -> snapshots.takeBack(US.in(FAR), id));
        clock.forward(Duration.ofDays(2));
        assertEquals(0, snapshots.removeExpired());
        snapshots.takeBack(US, id);
        assertEquals(Map.of("env", "prod"), snapshots.read(US, Right.READ, id).tags());
        snapshots.remove(US, id);
        clock.forward(Duration.ofDays(3));
        assertFault(Fault.NOT_FOUND, () -> snapshots.takeBack(US, id));
        assertEquals(1, snapshots.removeExpired());
        assertEquals(0, storage.catalog().list("snapshot/", "", 10).size());
    }

    @Test
    void theSnapshotOfAnImageThatIsRemovedIsKeptWhereItIsLockedOrARuleSaysSo() {
        RegisteredImage locked = images.register(
                US,
                NewImage.of(new ImageName("locked")),
                disk.put(chunks, US.domain()),
                Encryption.Choice.PLAIN,
                List.of());
        RegisteredImage kept = images.register(
                US,
                NewImage.of(new ImageName("kept")),
                disk.put(chunks, US.domain()),
                Encryption.Choice.PLAIN,
                List.of());
        SnapshotId lockedDisk = locked.manifest().root().snapshot();
        SnapshotId keptDisk = kept.manifest().root().snapshot();
        snapshots.lock(US, lockedDisk, governance(1));
        keepRemoved(1);

        images.remove(US, locked.id());
        images.remove(US, kept.id());

        assertEquals(lockedDisk, snapshots.read(US, Right.READ, lockedDisk).id());
        assertEquals(List.of(keptDisk), snapshots.recycled(US, "").map(Snapshot::id).toList());
    }

    @Test
    void noneIsPublicWhereItsOwnerBlocksAllSharing() {
        share(new Sharing(true, Set.of()));
        assertEquals(id, snapshots.read(THEM, Right.COPY, id).id());

        settings.change(US, each -> each.with(SnapshotBlock.ALL_SHARING));

        assertFault(Fault.NOT_FOUND, () -> snapshots.read(THEM, Right.READ, id));
        assertEquals(List.of(), snapshots.list(THEM, "", 10));
        assertTrue(snapshots.read(US, Right.MANAGE, id).sharing().isPublic(), "it says so still");
        share(new Sharing(true, Set.of(THEM.account())));
        assertEquals(id, snapshots.read(THEM, Right.READ, id).id());
        settings.change(US, each -> each.with(SnapshotBlock.NEW_SHARING));
        share(new Sharing(true, Set.of()));
        assertEquals(id, snapshots.read(THEM, Right.READ, id).id());
    }

    @Test
    void allAreListedInTheOrderOfTheirIdsThoughSomeAreNotCompleted() {
        List<SnapshotId> expected = new ArrayList<>(List.of(id, newSnapshot(), newSnapshot()));
        SnapshotId twice = expected.get(1);
        List<SnapshotInProgress> pending = new ArrayList<>();
        for (int n = 0; n < 3; n++) {
            SnapshotId next = n == 0 ? twice : snapshots.newId();
            if (n > 0) {
                expected.add(next);
            }
            pending.add(inProgress(next, n == 2 ? Optional.of("no space") : Optional.empty()));
        }
        expected.sort((a, b) -> a.value().compareTo(b.value()));
        AllSnapshots all = new AllSnapshots(snapshots, List.of(new ListOfPending(pending)));

        List<ListedSnapshot> listed = all.stream(US, "").toList();

        assertEquals(expected, listed.stream().map(ListedSnapshot::id).toList());
        assertEquals(
                expected.subList(2, 5),
                all.stream(US, expected.get(1).value()).map(ListedSnapshot::id).toList());
        assertEquals(
                ListedSnapshot.State.COMPLETED,
                listed.stream().filter(each -> each.id().equals(twice)).findFirst().orElseThrow().state());
        assertEquals(ListedSnapshot.State.ERROR, all.read(US, Right.SEE, pending.get(2).id()).state());
        assertEquals(List.of(), all.stream(THEM, "").toList());
        assertEquals(Optional.empty(), all.find(THEM, pending.get(1).id()));
    }

    private SnapshotInProgress inProgress(SnapshotId pending, Optional<String> failure) {
        return new SnapshotInProgress(
                pending,
                US.account(),
                US.region(),
                Optional.empty(),
                Optional.empty(),
                MIB,
                "",
                Map.of(),
                SnapshotSettings.NEW,
                clock.instant(),
                0,
                0,
                failure);
    }

    /** What never gets any further. */
    private record ListOfPending(List<SnapshotInProgress> all) implements PendingSnapshots {
        @Override
        public Optional<SnapshotInProgress> find(Caller caller, SnapshotId wanted) {
            return list(caller).stream().filter(each -> each.id().equals(wanted)).findFirst();
        }

        @Override
        public List<SnapshotInProgress> list(Caller caller) {
            return all.stream().filter(each -> each.owner().equals(caller.account())).toList();
        }

        @Override
        public boolean tag(Caller caller, SnapshotId wanted, UnaryOperator<Map<String, String>> change) {
            return false;
        }

        @Override
        public boolean forget(Caller caller, SnapshotId wanted) {
            return false;
        }
    }
}
