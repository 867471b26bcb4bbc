"""Documents on paper in the official layout: PDF/A for the file, DOCX for editing. Knows no service."""
