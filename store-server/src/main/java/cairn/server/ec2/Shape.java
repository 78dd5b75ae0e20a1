package cairn.server.ec2;

import java.util.List;
import java.util.Optional;

/** The members of an answer, or of a structure in it, in the order in which they are written. */
record Shape(String name, List<Member> members) {
    /** What a member's text is, where it has no members of its own. */
    enum Plain {
        STRING,
        INTEGER,
        BOOLEAN,
        TIME
    }

    /**
     * One member.
     *
     * @param plain empty where there is a shape
     */
    record Member(String name, boolean isList, Optional<Plain> plain, Optional<Shape> shape) {}

    Shape {
        members = List.copyOf(members);
    }
}
