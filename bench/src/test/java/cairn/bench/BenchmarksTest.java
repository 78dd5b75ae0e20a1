package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Collection;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs every small benchmark for a moment, so that none stops working unnoticed. Measures nothing. */
class BenchmarksTest {
    @ParameterizedTest
    @ValueSource(
            classes = {
                ChunkingBenchmark.class,
                PageBenchmark.class,
                IndexBenchmark.class,
                CacheReadBenchmark.class,
                NbdReadBenchmark.class,
                SignatureBenchmark.class
            })
    void everyBenchmarkStillRuns(Class<?> benchmarks) throws RunnerException {
        long expected = Arrays.stream(benchmarks.getMethods())
                .filter(method -> method.isAnnotationPresent(Benchmark.class))
                .count();

        Collection<RunResult> results = new Runner(new OptionsBuilder()
                        .include("^" + benchmarks.getName().replace(".", "\\.") + "\\.")
                        .forks(0)
                        .warmupIterations(0)
                        .measurementIterations(1)
                        .measurementTime(TimeValue.milliseconds(1))
                        .shouldFailOnError(true)
                        .verbosity(VerboseMode.SILENT)
                        .build())
                .run();

        // With parameters there is a result for each of their values.
        assertEquals(
                expected, results.stream().map(result -> result.getParams().getBenchmark()).distinct().count());
        for (RunResult result : results) {
            assertTrue(result.getPrimaryResult().getScore() > 0, result.getParams().getBenchmark());
        }
    }
}
