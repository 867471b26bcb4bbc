"""The social investigation report as a document: neutral structure, PDF/A for the file, DOCX for editing."""
