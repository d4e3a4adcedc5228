"""What a school gets, by name: a release window opens a product, a mandate shares one."""

STUDENT_FEEDBACK = "studentFeedback"
SCHOOL_FEEDBACK = "schoolFeedback"
PRODUCTS = (STUDENT_FEEDBACK, SCHOOL_FEEDBACK)
