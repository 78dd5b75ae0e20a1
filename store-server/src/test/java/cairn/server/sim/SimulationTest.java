package cairn.server.sim;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SimulationTest {
    private static final int OPERATIONS = 500;

    /** Others are run by {@link Simulation#main}. */
    @ParameterizedTest
    @ValueSource(longs = {2, 3, 5, 7})
    void nothingAcknowledgedIsLostWhateverTheDiskDoes(long seed) {
        try (Simulation simulation = new Simulation(seed, new Contents())) {
            simulation.run(OPERATIONS);

            assertTrue(simulation.counts().size() > 15, "few kinds of operations: " + simulation.counts());
        }
    }
}
