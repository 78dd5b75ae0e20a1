package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.server.account.Sharing;
import cairn.server.gc.Root;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.SnapshotSettings;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.DomainId;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.OpenTrees;
import cairn.server.storage.Storage;
import cairn.tree.TreeRoot;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a whole server keeps is shown where garbage is collected; here, what the view of it promises. */
class StoreRootsTest {
    private static final AccountId US = new AccountId("000000000001");
    private static final DomainId DOMAIN = new DomainId(7);
    private static final TreeRoot TREE = TreeRoot.of(1 << 20, new Digest(1, 2, 3, 4));
    private static final TreeRoot OPEN = TreeRoot.of(1 << 20, new Digest(5, 6, 7, 8));

    private final Storage storage = new MemoryStorage();
    private final OpenTrees open = new OpenTrees();
    private final StoreRoots roots = new StoreRoots(storage.catalog(), storage.pendingBlocks(), open);

    @AfterEach
    void close() {
        storage.close();
    }

    private List<Root> read() {
        List<Root> found = new ArrayList<>();
        roots.forEach(found::add, (snapshot, account, domain, chunks) -> {});
        return found;
    }

    private SnapshotId keep() {
        SnapshotId id = new SnapshotRegistry(storage.catalog()).newId();
        storage.catalog().commit(List.of(SnapshotRegistry.keep(new Snapshot(
                id,
                US,
                Region.LOCAL,
                DOMAIN,
                TREE,
                Optional.empty(),
                Instant.EPOCH,
                "",
                Optional.empty(),
                Sharing.NONE,
                SnapshotSettings.NEW,
                Map.of()))));
        return id;
    }

    @Test
    void namesSnapshotsAndWhatIsOpen() {
        SnapshotId id = keep();

        open.open(DOMAIN, OPEN);

        assertEquals(
                List.of(
                        new Root(Root.Kind.SNAPSHOT, id.value(), Optional.of(US), DOMAIN, TREE),
                        new Root(Root.Kind.OPEN_TREE, OPEN.digest().toString(), Optional.empty(), DOMAIN, OPEN)),
                read());
    }

    @Test
    void aRecordThatCannotBeReadIsNamedAndNothingIsSaidWithoutIt() {
        keep();
        storage.catalog().commit(List.of(new Change.PutIfAbsent("volume/vol-0123", "{\"id\": 1}".getBytes())));
        List<Root> found = new ArrayList<>();

        StoreException e = assertThrows(
                StoreException.class, () -> roots.forEach(found::add, (snapshot, account, domain, chunks) -> {}));

        assertEquals(Fault.CORRUPT, e.fault());
        assertTrue(e.getMessage().contains("volume/vol-0123"), e.getMessage());
        assertEquals(List.of(), found);
    }
}
