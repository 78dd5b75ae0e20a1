package cairn.server;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.WriteHistory.Change;
import cairn.server.WriteHistory.Promise;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks of the harness: what may have been lost in a crash, and what may not. */
class WriteHistoryTest {
    private static final long SECTOR = 7;
    private static final byte[] ZEROS = new byte[WriteHistory.SECTOR_BYTES];

    private final WriteHistory history = new WriteHistory();

    @Test
    void aSectorThatNobodyWroteIsZeros() {
        assertDoesNotThrow(() -> history.check(SECTOR, ZEROS, Promise.FLUSHED));
        byte[] data = dataOf(history.beginData(3, 1));
        assertThrows(AssertionError.class, () -> history.check(SECTOR, data, Promise.FLUSHED));
    }

    @Test
    void whatWasNotAnsweredMayBeThereOrNot() {
        byte[] data = dataOf(history.beginData(SECTOR, 1));
        assertDoesNotThrow(() -> history.check(SECTOR, ZEROS, Promise.ANSWERED));

        byte[] again = dataOf(history.beginData(SECTOR, 1));
        assertDoesNotThrow(() -> history.check(SECTOR, again, Promise.ANSWERED));
        assertThrows(AssertionError.class, () -> history.check(SECTOR, data, Promise.ANSWERED), "it was gone");
    }

    @Test
    void whatWasAnsweredMayGoOnlyWithPower() {
        Change change = history.beginData(SECTOR, 1);
        history.done(change, false);

        assertThrows(AssertionError.class, () -> history.check(SECTOR, ZEROS, Promise.ANSWERED));
        assertDoesNotThrow(() -> history.check(SECTOR, ZEROS, Promise.FLUSHED));
    }

    @Test
    void aFlushCoversWhatWasAnsweredWhenItBegan() {
        Change before = history.beginData(SECTOR, 1);
        Change after = history.beginData(SECTOR + 1, 1);
        history.done(before, false);
        List<Change> covered = history.beginFlush();
        history.done(after, false);
        history.flushed(covered);

        assertDoesNotThrow(() -> history.check(SECTOR + 1, ZEROS, Promise.FLUSHED));
        AssertionError lost = assertThrows(AssertionError.class, () -> history.check(SECTOR, ZEROS, Promise.FLUSHED));
        assertTrue(lost.getMessage().contains("sector 7 holds neither change 1"), lost.getMessage());
    }

    @Test
    void whatIsDurableIsReplacedByLaterChangesAlone() {
        Change first = history.beginData(SECTOR, 1);
        history.done(first, true);
        Change second = history.beginData(SECTOR, 1);
        history.done(second, true);

        assertThrows(AssertionError.class, () -> history.check(SECTOR, dataOf(first), Promise.FLUSHED));
        history.beginTrim(SECTOR, 1);
        assertDoesNotThrow(() -> history.check(SECTOR, dataOf(second), Promise.FLUSHED));
        history.beginZeros(SECTOR, 1);
        assertDoesNotThrow(() -> history.check(SECTOR, ZEROS, Promise.FLUSHED));
    }

    @Test
    void aTrimThatIsDoneLeavesZerosOrWhatWasThere() {
        Change data = history.beginData(SECTOR, 1);
        history.done(data, true);
        history.done(history.beginTrim(SECTOR, 1), true);

        assertDoesNotThrow(() -> history.check(SECTOR, dataOf(data), Promise.FLUSHED));
    }

    @Test
    void aTornSectorIsNotTakenForWhole() {
        byte[] torn = dataOf(history.beginData(SECTOR, 1));
        torn[300]++;

        assertThrows(AssertionError.class, () -> history.check(SECTOR, torn, Promise.FLUSHED));
    }

    private static byte[] dataOf(Change change) {
        return WriteHistory.bytesOf(change, SECTOR, 1);
    }
}
