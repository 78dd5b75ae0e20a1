package cairn.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import picocli.CommandLine.Command;

/** How fast blocks of a disk are read. */
@Command(
        name = "read",
        description = "Let fio and nbdcopy read blocks at a throw-away server, nbdkit and qemu-nbd, in turns; print"
                + " how many requests or MB each does in a second. Needs fio, nbdcopy and qemu-img; servers that are"
                + " not installed are left out, and named.")
final class ReadCommand extends BlocksCommand {
    ReadCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    List<Subject> subjectsOf(Subjects subjects, String transport) throws IOException {
        return subjects.reading(transport);
    }

    @Override
    List<NbdWork> works() {
        return NbdWork.READS;
    }

    @Override
    List<NbdWork> coldWorks() {
        return List.of(NbdWork.COLD_COPY);
    }
}
