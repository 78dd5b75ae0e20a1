package cairn.server.sim;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SimulationTest {
    private static final int OPERATIONS = 500;

    /**
     * Seeds that found a mistake which was there, or has been made on purpose; others are run by {@link
     * Simulation#main}.
     */
    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource({
        "2, a page is said to have its children where others lie; what is condemned goes in the same cycle; blocks of"
                + " snapshots in progress are no roots",
        "3, trees that somebody reads are no roots; a commit that was said to have failed was made",
        "4, leases hold nothing",
        "6, what a lease has found is not touched or no root",
        "37, what is said of a page's children stays when a crash follows the removal of its row"
    })
    void nothingAcknowledgedIsLostWhateverTheDiskDoes(long seed, String found) {
        try (Simulation simulation = new Simulation(seed, new Contents())) {
            simulation.run(OPERATIONS);

            assertTrue(simulation.counts().size() > 15, found + "; few kinds of operations: " + simulation.counts());
        }
    }
}
