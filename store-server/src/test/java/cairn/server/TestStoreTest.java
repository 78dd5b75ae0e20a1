package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestStoreTest {
    @TempDir
    private Path folder;

    @Test
    void keepsItsAccountsOverARestart() throws Exception {
        try (TestStore store = new TestStore(folder.resolve("data"))) {
            TestStore.Somebody ci = store.newAccount("ci");

            store.restart();

            AwsUser again = new AwsUser(store.endpoint(), ci.user().credentials(), ci.user().region());
            assertEquals(List.of(ci.account().value()), again.store().accounts().stream().map(each -> each.id()).toList());
        }
    }
}
