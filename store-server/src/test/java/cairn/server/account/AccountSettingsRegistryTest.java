package cairn.server.account;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.account.AccountSettings.SnapshotBlock;
import cairn.server.storage.DomainId;
import cairn.server.storage.rocks.RocksStorage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AccountSettingsRegistryTest {
    private static final Region WEST = new Region("west-1");
    private static final Caller US =
            new Caller(new AccountId("000000000001"), new DomainId(2), false, Optional.of(Region.LOCAL));

    @TempDir
    Path folder;

    @Test
    void keepsWhatAnAccountChoseInARegionAndNowhereElse() throws IOException {
        try (RocksStorage storage = RocksStorage.open(folder)) {
            AccountSettingsRegistry settings = new AccountSettingsRegistry(storage.catalog());
            settings.change(US, each -> each.withPublicImagesBlocked(true));
            settings.change(US, each -> each.with(SnapshotBlock.ALL_SHARING));
            settings.change(US, each -> each.withEncryptionByDefault(true).withDefaultKey(Optional.of("alias/ours")));
        }
        try (RocksStorage storage = RocksStorage.open(folder)) {
            AccountSettingsRegistry settings = new AccountSettingsRegistry(storage.catalog());

            assertEquals(
                    new AccountSettings(true, SnapshotBlock.ALL_SHARING, true, Optional.of("alias/ours")),
                    settings.read(US));
            assertEquals(AccountSettings.NEW, settings.read(US.in(WEST)));
            assertEquals(AccountSettings.NEW, settings.read(new AccountId("000000000002"), Region.LOCAL));
        }
    }

    @Test
    void losesNoChangeOfSeveralAtOnce() throws IOException, InterruptedException, ExecutionException {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try (RocksStorage storage = RocksStorage.open(folder)) {
            AccountSettingsRegistry settings = new AccountSettingsRegistry(storage.catalog());

            List<Future<?>> changes = new ArrayList<>();
            changes.add(threads.submit(() -> settings.change(US, each -> each.withPublicImagesBlocked(true))));
            changes.add(threads.submit(() -> settings.change(US, each -> each.with(SnapshotBlock.NEW_SHARING))));
            changes.add(threads.submit(() -> settings.change(US, each -> each.withEncryptionByDefault(true))));
            changes.add(threads.submit(() -> settings.change(US, each -> each.withDefaultKey(Optional.of("key")))));
            for (Future<?> change : changes) {
                change.get();
            }

            assertEquals(
                    new AccountSettings(true, SnapshotBlock.NEW_SHARING, true, Optional.of("key")), settings.read(US));
        } finally {
            threads.shutdown();
        }
    }
}
